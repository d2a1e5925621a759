"""From bytes to the alerts and links of a document. Pure. Elements are found by local name, whatever the namespace."""

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.json_bodies import decoded_text

ELEMENTS_MAX = 200_000
ALERTS_MAX = 1_000
LINKS_MAX = 1_000
_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,200}\?>", re.ASCII)
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,20})["']""")
# The encodings that are read as declared; expat itself knows none of more than one byte but UTF-8 and UTF-16.
_CODECS = {"iso-8859-1": "latin-1", "utf-16": "utf-16", "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "cp949": "cp949"}


class Link(NamedTuple):
    """An entry of a list: where its alert lies and when it was changed last, in the list's own words."""

    target: str
    changed: str


def root_of(payload: bytes) -> Element:
    """Return the root of a document.

    Raises:
        EntryRefusedError: it is no XML, has a document type or entities, or far too many elements.
    """
    text = _DECLARATION.sub("", _decoded(payload), count=1)
    try:
        root: Element = fromstring(text.encode("utf-8", "replace"), forbid_dtd=True)
    except DefusedXmlException as error:
        raise EntryRefusedError("forbidden-xml", None, f"no document type or entity: {type(error).__name__}") from None
    # ValueError: a character that is none; the parser's own message would show where in the text.
    except (ParseError, ValueError, RecursionError) as error:
        raise EntryRefusedError(
            "broken-xml", None, f"not XML: {type(error).__name__} in {len(payload)} bytes"
        ) from None
    if sum(1 for _ in root.iter()) > ELEMENTS_MAX:
        raise EntryRefusedError("too-many", None, f"at most {ELEMENTS_MAX} elements are read")
    return root


def alerts_of(root: Element) -> list[Element]:
    """Return the alerts of a document: the document itself, or those within a list or an envelope.

    Raises:
        EntryRefusedError: there are more than :data:`ALERTS_MAX`.
    """
    found = [root] if name_of(root) == "alert" else [one for one in root.iter() if name_of(one) == "alert"]
    if len(found) > ALERTS_MAX:
        raise EntryRefusedError("too-many", None, f"at most {ALERTS_MAX} alerts are read, got {len(found)}")
    return found


def is_list(root: Element) -> bool:
    """Return whether a document is an Atom or RSS list."""
    return name_of(root) in ("feed", "rss", "RDF")


def links_of(root: Element) -> list[Link]:
    """Return where the alerts of an Atom or RSS list lie, in its order; without those that stand in the list itself."""
    links = []
    for entry in root.iter():
        if name_of(entry) not in ("entry", "item") or any(name_of(one) == "alert" for one in entry.iter()):
            continue
        if target := _link_of(entry):
            links.append(Link(target, text_at(entry, "updated") or text_at(entry, "pubDate")))
    return links[:LINKS_MAX]


def name_of(element: Element) -> str:
    """Return an element's name without its namespace; empty for comments and instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Element, name: str) -> Iterator[Element]:
    """Yield the children of a name."""
    return (child for child in element if name_of(child) == name)


def text_at(element: Element, name: str) -> str:
    """Return the text of the first child of a name, without spaces around it; empty where there is none."""
    return next(((child.text or "").strip() for child in children(element, name)), "")


def _link_of(entry: Element) -> str:
    links = list(children(entry, "link"))
    typed = [one for one in links if "cap" in one.get("type", "")]
    usual = [one for one in links if one.get("rel", "alternate") == "alternate"]
    for link in (*typed, *usual):
        if href := (link.get("href") or link.text or "").strip():
            return href
    return ""


def _decoded(payload: bytes) -> str:
    declared = _ENCODING.match(payload[:300])
    codec = _CODECS.get(declared.group(1).decode().lower()) if declared else None
    if payload.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec = "utf-16"
    if codec is None:
        return decoded_text(payload)
    try:
        return payload.decode(codec)
    except UnicodeDecodeError:
        raise EntryRefusedError("broken-text", None, f"not {codec} as declared, got {len(payload)} bytes") from None
