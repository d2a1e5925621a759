"""The items of what a traffic feed sends: JSON or XML, a whole document or single items."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.json_bodies import ITEMS_MAX, decoded_text, json_items

# Names of the elements that hold one item each, in lower case: TOPIS, eventInfo, and its older form.
ITEM_ELEMENTS = frozenset({"row", "item", "data"})
# Answers without an error: of TOPIS all well, and no data; of the national centre its zeros.
GOOD_RESULTS = frozenset({"INFO-000", "INFO-200", "0", "00"})
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_WORD = re.compile(r"[A-Za-z0-9-]{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Document:
    """What was sent.

    Attributes:
        items: the items, each with its fields by name in lower case; anything that is no object stays what it is.
        is_whole: whether these are, by its own count, all that the feed shows now.
    """

    items: Sequence[Any]
    is_whole: bool = False


def document_of(payload: bytes) -> Document:
    """Return what a payload holds.

    Raises:
        EntryRefusedError: it is neither JSON nor XML, the feed tells of an error, or it holds too many items.
    """
    text = decoded_text(payload)
    if text.lstrip().startswith("<"):
        return _of_xml(_root(text))
    values = json_items(payload)
    wrapper = _lower(values[0]) if len(values) == 1 and isinstance(values[0], dict) else {}
    for name in ("accinfo", "response"):
        if isinstance(wrapper.get(name), dict):
            wrapper = _lower(wrapper[name])
    result = wrapper.get("result") or wrapper.get("header")
    if isinstance(result, dict):
        fields = _lower(result)
        _require_good(fields.get("code", fields.get("resultcode")))
        rows = wrapper.get("row")
        body = _lower(wrapper["body"]) if isinstance(wrapper.get("body"), dict) else wrapper
        rows = body.get("items") if rows is None else rows
        if isinstance(rows, dict):
            rows = _lower(rows).get("item", rows)
        items = rows if isinstance(rows, list) else [rows] if rows else []
        count = wrapper.get("list_total_count", body.get("totalcount"))
        if count is None and fields.get("code") == "INFO-200":
            count = 0
        return _document(items, count)
    return _document(values, None)


def _of_xml(root: Element) -> Document:
    found = {_name(element): (element.text or "").strip() for element in root.iter() if not len(element)}
    _require_good(found.get("code", found.get("resultcode", "0")))
    elements = [element for element in root.iter() if _name(element) in ITEM_ELEMENTS]
    if not elements and any(_name(child) in ("acc_id", "eventtype") for child in root):
        elements = [root]
    items = [{_name(child): (child.text or "").strip() for child in element} for element in elements]
    count = found.get("list_total_count", found.get("totalcount", found.get("datacount")))
    if count is None and found.get("code") == "INFO-200":
        count = "0"
    if not items and count is None:
        raise EntryRefusedError("not-a-feed", None, "expected the items of a traffic feed, got other XML")
    return _document(items, count)


def _document(items: Sequence[Any], count: Any) -> Document:
    if len(items) > ITEMS_MAX:
        raise EntryRefusedError("too-many", None, f"at most {ITEMS_MAX} items are read, got {len(items)}")
    total = int(count) if str(count).isascii() and str(count).isdigit() and len(str(count)) < 10 else None
    return Document([_lower(item) if isinstance(item, dict) else item for item in items], total == len(items))


def _root(text: str) -> Element:
    try:
        root: Element = fromstring(_DECLARATION.sub("", text), forbid_dtd=True)
    # What XML cannot hold, such as a lone surrogate or a NUL, is a ValueError.
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise EntryRefusedError("broken-xml", None, f"not XML, got {len(text)} characters") from error
    return root


def _require_good(code: Any) -> None:
    text = str(code).strip()
    if text not in GOOD_RESULTS:
        shown = text if _WORD.fullmatch(text) else f"a text of {len(text)} characters"
        raise EntryRefusedError(
            "feed-error", "code", f"code: must be one of {', '.join(sorted(GOOD_RESULTS))}, got {shown}"
        )


def _name(element: Element) -> str:
    tag = element.tag if isinstance(element.tag, str) else ""
    return tag.rpartition("}")[2].lower()


def _lower(item: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name).strip().lower(): value for name, value in item.items()}
