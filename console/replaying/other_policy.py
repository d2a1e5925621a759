"""A city with another policy.toml, its other files as they are."""

import tempfile
from dataclasses import replace
from pathlib import Path

from pipeline.errors import PolicyError
from topologies.city_files import City, load_city


def city_with_policy(city: City, policy_file: Path) -> City:
    """Return a city whose policy comes from another file.

    Raises:
        PolicyError: the file, or what it makes together with the city's other files, is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="goldentime-") as folder:
        copy = Path(folder) / city.folder.name
        copy.mkdir()
        for file in city.folder.iterdir():
            if file.name != "policy.toml":
                (copy / file.name).symlink_to(file.resolve())
        (copy / "policy.toml").symlink_to(policy_file.resolve())
        try:
            other = load_city(Path(folder), city.folder.name)
        except PolicyError as error:
            raise PolicyError(f"{policy_file.name} in place of policy.toml: {error}") from error
    return replace(other, folder=city.folder)
