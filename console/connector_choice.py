"""Which connectors a command is about: instances of the city's file, or one by kind and options."""

from typing import Any

import click

from connectors.kit.instances import ConnectorInstance, instances_of
from console.options import Options


def chosen_instances(
    options: Options, names: tuple[str, ...], kind: str | None, pairs: tuple[str, ...]
) -> list[ConnectorInstance]:
    """Return the instances that names say, or the one of a kind; without either all enabled ones.

    Raises:
        click.UsageError: a name is not in the city's file, or names and kind are mixed.
    """
    if kind is not None:
        if names:
            raise click.UsageError("give names or --kind, not both")
        return [ConnectorInstance(name=f"{kind}-by-hand".replace("_", "-"), kind=kind, options=options_of(pairs))]
    if pairs:
        raise click.UsageError("-o needs --kind")
    known = {instance.name: instance for instance in instances_of(options.cities_dir, options.load_city().name)}
    for name in names:
        if name not in known:
            raise click.UsageError(f"no connector {name!r} in {options.city}; there are {', '.join(known) or 'none'}")
    chosen = [known[name] for name in names] or [instance for instance in known.values() if instance.enabled]
    if not chosen:
        raise click.UsageError(f"{options.city} runs no connectors; give --kind, or write its connectors.toml")
    return chosen


def chosen_instance(options: Options, name: str | None, kind: str | None, pairs: tuple[str, ...]) -> ConnectorInstance:
    """Return the one instance that a name or kind says.

    Raises:
        click.UsageError: neither is given, or the name is not in the city's file.
    """
    if name is None and kind is None:
        raise click.UsageError("give the NAME of an instance, or --kind")
    return chosen_instances(options, () if name is None else (name,), kind, pairs)[0]


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
