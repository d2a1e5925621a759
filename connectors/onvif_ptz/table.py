"""The table of heads: a TOML or CSV file that says where each camera is and how its head counts."""

import csv
import io
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import option_file_text
from connectors.kit.secrets import Secret
from connectors.kit.toml_fields import refuse_unknown_fields, text_field
from connectors.onvif_ptz.parse import Head, head_of

HEADS_MAX = 20_000
TABLE_BYTES_MAX = 16 * 1024 * 1024
_OWNER_FIELDS = frozenset({"name", "username", "password_file", "password_env"})

Login = tuple[str, Secret]


def read_heads(path: Path, login: Login) -> dict[str, Head]:
    """Return the heads of a table by camera id, each with its login.

    Args:
        path: ``.toml`` with ``[[head]]`` and ``[[owner]]`` tables, or ``.csv`` with the same names in its first line.
        login: username and password of heads that have neither their own nor their owner's.

    Raises:
        ConnectorConfigError: the file cannot be read or a line is wrong; the message names line and field.
    """
    text = option_file_text("devices", path, bytes_max=TABLE_BYTES_MAX, encoding="utf-8-sig")
    if path.suffix == ".toml":
        heads, owners = _of_toml(path.name, text)
    else:
        heads, owners = _of_csv(path.name, text), {}
    if len(heads) > HEADS_MAX:
        raise ConnectorConfigError(f"{path.name}: at most {HEADS_MAX} heads, got {len(heads)}")
    table: dict[str, Head] = {}
    for head in heads:
        if head.camera_id in table:
            raise ConnectorConfigError(f"{path.name}: two heads have the camera_id {head.camera_id!r}")
        table[head.camera_id] = _with_login(head, owners.get(head.owner, login), login)
    return table


def _with_login(head: Head, of_owner: Login, login: Login) -> Head:
    username = head.username or of_owner[0] or login[0]
    password = next((s for s in (head.password, of_owner[1], login[1]) if s.is_named), head.password)
    return replace(head, username=username, password=password)


def _of_csv(name: str, text: str) -> list[Head]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    heads = []
    try:
        for number, row in enumerate(rows, start=2):
            if None in row:
                raise ConnectorConfigError(f"{name}: line {number} has more cells than the first line")
            heads.append(head_of(f"{name}: line {number}", row))
    except csv.Error as error:
        raise ConnectorConfigError(f"{name}: {error}") from error
    return heads


def _of_toml(name: str, text: str) -> tuple[list[Head], dict[str, Login]]:
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConnectorConfigError(f"{name}: {error}") from error
    refuse_unknown_fields(name, fields, frozenset({"head", "owner"}))
    heads = [head_of(f"{name}: head {n}", table) for n, table in enumerate(_tables(name, fields, "head"), start=1)]
    owners: dict[str, Login] = {}
    for number, table in enumerate(_tables(name, fields, "owner"), start=1):
        where = f"{name}: owner {number}"
        refuse_unknown_fields(where, table, _OWNER_FIELDS)
        owners[text_field(where, table, "name")] = (
            text_field(where, table, "username", ""),
            Secret.from_options(table, "password"),
        )
    return heads, owners


def _tables(name: str, fields: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    tables = fields.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise ConnectorConfigError(f"{name}: write [[{key}]] tables")
    return tables
