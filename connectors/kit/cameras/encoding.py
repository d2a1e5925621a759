"""Bytes of a CSV file to text: which encoding it is, and what to do with single damaged bytes."""

import codecs
import unicodedata

from connectors.kit.errors import ConnectorConfigError

# More damaged lines than this share, and the guess at the encoding is wrong, not the lines.
DAMAGED_SHARE_MAX = 0.01
REPLACEMENT = "\ufffd"
# Not euc-kr: it lacks 8,822 of the 11,172 Korean syllables, which CP949 has.
KOREAN = "cp949"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(data: bytes, other: str = KOREAN) -> tuple[str, str]:
    """Return the text in composed Unicode (NFC), and the encoding's name: ``utf-8-sig``, ``utf-8`` or the other.

    A byte-order mark says UTF-8; else strict UTF-8 is tried, else the other. Single damaged bytes, in at most 1 % of
    the lines, become U+FFFD, so that one bad cell does not cost the file.

    Args:
        data: the file.
        other: what it is in where it is not UTF-8.

    Raises:
        ConnectorConfigError: the file is empty or is in none of these encodings.
    """
    if not data.strip():
        raise ConnectorConfigError("the file is empty; a CSV file with a header row was expected")
    if data.startswith(_UTF_16):
        raise ConnectorConfigError("the file is UTF-16; save it as CSV in UTF-8 or CP949")
    if data.startswith(codecs.BOM_UTF8):
        return _composed(_tolerant(data, "utf-8-sig", other)), "utf-8-sig"
    header = data.lstrip().splitlines()[0]
    # A Korean header that is valid UTF-8 is UTF-8: CP949 text hardly ever is, even in one line.
    if _is_strict(data, "utf-8") or (not header.isascii() and _is_strict(header, "utf-8")):
        return _composed(_tolerant(data, "utf-8", other)), "utf-8"
    if not _is_strict(header, other):
        raise ConnectorConfigError(
            f"the header row is neither UTF-8 nor {other.upper()}; save the file as CSV in one of them"
        )
    return _composed(_tolerant(data, other, other)), other


def decode_as(data: bytes, encoding: str) -> str:
    """Return the text of a file in an encoding that is told; single damaged bytes become U+FFFD.

    Raises:
        ConnectorConfigError: more than 1 % of the lines do not decode.
    """
    return _composed(_tolerant(data, encoding, encoding))


def _is_strict(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _tolerant(data: bytes, encoding: str, other: str) -> str:
    """Return the text with damaged bytes replaced; refuse when too many lines are damaged."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        offset = error.start
    text = data.decode(encoding, errors="replace")
    lines = text.splitlines()
    damaged = sum(REPLACEMENT in line for line in lines)
    # Always allow one line, or a small file could not hold a damaged one.
    if damaged > max(1, len(lines) * DAMAGED_SHARE_MAX):
        raise ConnectorConfigError(
            f"the file is neither UTF-8 nor {other.upper()}: as {encoding}, {damaged} of {len(lines)} lines do not "
            f"decode, the first at byte {offset}"
        )
    return text


def _composed(text: str) -> str:
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
