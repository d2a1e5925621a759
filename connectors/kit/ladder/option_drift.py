"""Options stand twice, in the manifest for people and in ``Config`` for the code; here the two are held together."""

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.kit.errors import ConnectorError
from connectors.kit.ladder.sampling import sample_options
from connectors.kit.manifest import Manifest, load_class


def problems_of_options(manifest: Manifest) -> list[str]:
    """Return the options that ``Config`` does not take, or takes with another default than the manifest says.

    Only a connector is looked at that can be configured with the options of one of its examples.
    """
    found: list[str] = []
    for path, is_sink in ((manifest.source, False), (manifest.sink, True)):
        options = [dict(example.options) for example in manifest.examples if bool(example.topic) == is_sink]
        if path is None or not options:
            continue
        _, config = load_class(path)
        given = options[0] if is_sink else sample_options(manifest, options[0])
        try:
            made = config.from_options(given)
        except ConnectorError:
            continue
        found += _differences(manifest, config, made, given)
    return found


def _differences(manifest: Manifest, config: Any, made: Any, given: Mapping[str, Any]) -> Iterator[str]:
    for option in manifest.options.values():
        if option.name in given or option.default is None:
            continue
        used = getattr(made, option.name, None)
        if isinstance(used, int | float | str) and used != option.default:
            yield f"option {option.name}: the manifest's default is {option.default!r}, that of Config {used!r}"
        try:
            config.from_options({**given, option.name: option.default})
        except ConnectorError as error:
            yield f"option {option.name}: the manifest has it and Config does not take its default: {error}"
