"""The options of the registry of people under protection."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import choice_option, flag_option, number_option, refuse_unknown, text_option
from connectors.kit.payloads import HTTP_POLL, HTTP_PUSH, Transport, transport_from, transport_options
from connectors.kit.transports.file_drop import DROP_OPTIONS, FileDropConfig
from connectors.kit.transports.http_push import PushConfig
from connectors.welfare_registry.whole_list import SHRINK_PCT

FILE = "file"
TRANSPORTS = (HTTP_PUSH, HTTP_POLL)
_OWN = frozenset({"items_path", "id_scheme", "future_tolerance_s", "complete", "list_name", "shrink_max_pct", "accept"})
_LIST_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    way: FileDropConfig | Transport
    items_path: str = ""
    id_scheme: str = "person"
    future_tolerance_s: float = 300.0
    list_name: str = ""
    shrink_max_pct: float = SHRINK_PCT
    accept: str = ""

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | DROP_OPTIONS | _OWN)
        is_file = choice_option(options, "transport", FILE, (FILE, *TRANSPORTS)) == FILE
        way = (
            FileDropConfig.from_options(options)
            if is_file
            else transport_from(options, TRANSPORTS, name="welfare_registry")
        )
        return cls(
            way=way,
            items_path=text_option(options, "items_path", ""),
            id_scheme=text_option(options, "id_scheme", "person"),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
            list_name=_list_name(options, way),
            shrink_max_pct=number_option(options, "shrink_max_pct", SHRINK_PCT, least=0, most=100),
            accept=text_option(options, "accept", ""),
        )


def _list_name(options: Mapping[str, Any], way: FileDropConfig | Transport) -> str:
    """Return the name of the list that this instance reads whole; empty where people come one by one."""
    name = text_option(options, "list_name", "")
    if not flag_option(options, "complete", default=False):
        if name:
            raise ConnectorConfigError("option list_name goes with complete = true")
        return ""
    if isinstance(way, PushConfig):
        raise ConnectorConfigError("option complete needs transport file or http-poll: a push tells of single people")
    if isinstance(way, FileDropConfig) and way.follow:
        raise ConnectorConfigError("option complete and option follow exclude each other: a file that grows is no list")
    if not _LIST_NAME.fullmatch(name):
        rule = "up to 40 small letters, digits and '-', its own for each list: it says whom a list may end"
        raise ConnectorConfigError(f"option complete needs option list_name: {rule}")
    return name
