"""Which connectors a command is about: instances of the city's file, or one by kind and options."""

import difflib
from dataclasses import replace
from typing import Any

import click

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.instances import ConnectorInstance, instances_of
from connectors.kit.manifest import all_manifests, is_sink_alone
from console.options import Options


def chosen_instances(
    options: Options, names: tuple[str, ...], kind: str | None, pairs: tuple[str, ...]
) -> list[ConnectorInstance]:
    """Return the instances that names say, or the one of a kind; without either all enabled ones.

    A kind that has a source is run as one; only what has none is run as a sink.

    Raises:
        click.UsageError: a name is not in the city's file, or names and kind are mixed.
        ConnectorConfigError: there is no such kind.
    """
    if kind is not None:
        if names:
            raise click.UsageError("give names or --kind, not both")
        name = f"{kind}-by-hand".replace("_", "-")
        return [ConnectorInstance(name=name, kind=kind, options=options_of(pairs), is_sink=is_sink_alone(kind))]
    if pairs:
        raise click.UsageError("-o needs --kind")
    known = {instance.name: instance for instance in instances_of(options.cities_dir, options.load_city().name)}
    for name in names:
        if name not in known and name in all_manifests():
            raise click.UsageError(f"{name} is a kind and no connector of {options.city}; give --kind {name}")
        if name not in known:
            raise click.UsageError(f"no connector {name!r} in {options.city}; there are {', '.join(known) or 'none'}")
    chosen = [known[name] for name in names] or [instance for instance in known.values() if instance.enabled]
    if not chosen:
        raise click.UsageError(f"{options.city} runs no connectors; give --kind, or write its connectors.toml")
    return chosen


def chosen_instance(options: Options, name: str | None, kind: str | None, pairs: tuple[str, ...]) -> ConnectorInstance:
    """Return the one instance that a name or kind says; ``pairs`` come over the options of its file.

    Raises:
        click.UsageError: neither is given, or both.
        ConnectorConfigError: the name is neither in the city's file nor a kind.
    """
    if name is None and kind is None:
        raise click.UsageError("give the NAME of an instance, or --kind")
    if name is None or kind is not None:
        return chosen_instances(options, () if name is None else (name,), kind, pairs)[0]
    return instance_or_kind(options, name, pairs)


def instance_or_kind(options: Options, name: str, pairs: tuple[str, ...]) -> ConnectorInstance:
    """Return the instance of the city's file with this name, else one of this kind; ``pairs`` come over its options.

    Raises:
        ConnectorConfigError: it is neither.
    """
    known = {instance.name: instance for instance in instances_of(options.cities_dir, options.load_city().name)}
    if name in known:
        return replace(known[name], options={**known[name].options, **options_of(pairs)})
    if name not in all_manifests():
        close = difflib.get_close_matches(name, [*known, *all_manifests()], n=1)
        meant = f"did you mean {close[0]}?" if close else "goldentime connect list shows which there are"
        raise ConnectorConfigError(f"{options.city} has no connector {name!r}, and there is no such kind; {meant}")
    return chosen_instances(options, (), name, pairs)[0]


def options_of(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return options written as NAME=VALUE.

    Raises:
        click.UsageError: one is not.
    """
    options = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.UsageError(f"-o must be NAME=VALUE, got {pair!r}")
        options[name] = value
    return options
