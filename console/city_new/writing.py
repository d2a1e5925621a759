"""Fills the templates of a new city, checks the result, and puts the folder in its place; an existing one is safe."""

import json
import math
import re
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from zoneinfo import ZoneInfo

from console.city_new.checking import check_folder
from console.errors import CityFolderError
from console.options import DEFAULT_CITIES_DIR
from pipeline.errors import PolicyError
from topologies.city_files import City, load_city

FILES = (
    "city.toml", "policy.toml", "ranks.toml", "purposes.toml", "agencies.toml", "projections.toml", "connectors.toml",
    "labels.toml",
)  # fmt: skip
# The forms of a city's own lists, and the connectors whose usual form they begin as.
FORMS = {"camera_list.toml": "camera_list", "cad_911.toml": "cad_911"}
# Whose numbers a new city begins with: they are commented, and every one of them is tried.
MODEL_CITY = "demo"
# Kafka and metrics take these; a name is a folder, a prefix of topics and part of agencies' names.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]")
TITLE_CHARACTERS_MAX = 60
# In degrees; a larger box is a country, or a slip of the pen. Distances are reckoned on a plane.
BOX_DEG_MAX = 3.0
BASIS = "LAW-TO-BE-NAMED"


@dataclass(frozen=True, slots=True)
class NewCity:
    """What a person says of a new city.

    Attributes:
        name: of its folder, its topics' prefix.
        title: for people.
        time_zone: IANA name.
        box_deg: south, west, north, east in degrees.
    """

    name: str
    title: str
    time_zone: str
    box_deg: tuple[float, float, float, float]


def make_city(new: NewCity, cities_dir: Path) -> City:
    """Write the folder of a new city and return it as a worker would read it.

    Args:
        new: the city.
        cities_dir: where the cities' folders are; it is made where it is not there.

    Raises:
        CityFolderError: a value breaks a rule, or there is such a folder or prefix; nothing was written then.
    """
    _check(new)
    folder = cities_dir / new.name
    if folder.exists():
        raise CityFolderError(f"{folder.name} is there already in {cities_dir.name}/; nothing was written")
    _refuse_known_prefix(new.name, cities_dir)
    try:
        cities_dir.mkdir(parents=True, exist_ok=True)
        # Written aside and moved when it is whole: nobody ever sees half a city.
        with tempfile.TemporaryDirectory(dir=cities_dir, prefix=".new-") as aside:
            draft = Path(aside) / new.name
            draft.mkdir()
            for name, text in _texts(new).items():
                (draft / name).write_text(text, "utf-8")
            check_folder(load_city(Path(aside), new.name))
            draft.rename(folder)
    except OSError as error:
        raise CityFolderError(f"{folder} cannot be written: {error.strerror or type(error).__name__}") from error
    return load_city(cities_dir, new.name)


def box_of(text: str) -> tuple[float, float, float, float]:
    """Return a box written as ``S,W,N,E`` in degrees.

    Raises:
        CityFolderError: it is not one.
    """
    try:
        south, west, north, east = (float(part) for part in text.split(","))
    except ValueError as error:
        raise CityFolderError(f"the box must be south,west,north,east in degrees, got {text!r}") from error
    return south, west, north, east


def _check(new: NewCity) -> None:
    if not _NAME.fullmatch(new.name):
        raise CityFolderError(f"a city's name must be 2 to 32 small letters, digits and hyphens, got {new.name!r}")
    if not 0 < len(new.title) <= TITLE_CHARACTERS_MAX or not new.title.isprintable() or set(new.title) & set('"\\'):
        rule = f"1 to {TITLE_CHARACTERS_MAX} printable characters without quotes and backslashes"
        raise CityFolderError(f"the title must have {rule}")
    try:
        ZoneInfo(new.time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise CityFolderError(
            f"the time zone must be an IANA name such as Asia/Seoul, got {new.time_zone!r}"
        ) from error
    south, west, north, east = new.box_deg
    inside = -90 <= south < north <= 90 and -180 <= west < east <= 180
    if not inside or not all(map(math.isfinite, new.box_deg)):
        raise CityFolderError(f"the box must be south,west,north,east in degrees, got {_numbers(new.box_deg)}")
    if north - south > BOX_DEG_MAX or east - west > BOX_DEG_MAX:
        raise CityFolderError(f"the box must be at most {BOX_DEG_MAX:g} degrees wide and high")


def _refuse_known_prefix(prefix: str, cities_dir: Path) -> None:
    """Make sure that no other city of the folder has these topics."""
    for path in sorted(cities_dir.glob("*/city.toml")):
        try:
            other = load_city(cities_dir, path.parent.name)
        except PolicyError:
            continue  # another city's fault is not this one's
        if other.prefix == prefix:
            raise CityFolderError(f"{other.name} has the topic prefix {prefix} already; the two would share topics")


def _texts(new: NewCity) -> dict[str, str]:
    """Return the files by name."""
    south, west, north, east = new.box_deg
    values = {
        "name": new.name,
        "prefix": new.name,
        "title": new.title,
        "time_zone": new.time_zone,
        "box": f"[{_numbers(new.box_deg)}]",
        "middle_lat": f"{(south + north) / 2:.5g}",
        "middle_lon": f"{(west + east) / 2:.5g}",
        "basis": BASIS,
    }
    templates = resources.files("console.city_new") / "templates"
    texts = {
        name: Template((templates / f"{name}.tmpl").read_text("utf-8")).substitute(values)
        for name in FILES
        if name != "policy.toml"
    }
    policy = (DEFAULT_CITIES_DIR / MODEL_CITY / "policy.toml").read_text("utf-8")
    policy = re.sub(r"; in Demo City .*$", "", policy, flags=re.MULTILINE)
    texts["policy.toml"] = re.sub(r'^version = ".*"$', f'version = "{new.name}-1"', policy, count=1, flags=re.MULTILINE)
    for form, kind in FORMS.items():
        texts[form] = (resources.files(f"connectors.{kind}") / "form.toml").read_text("utf-8")
    outline = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    district = {
        "type": "Feature",
        "properties": {"name": new.title},
        "geometry": {"type": "Polygon", "coordinates": [outline]},
    }
    texts["districts.geojson"] = json.dumps({"type": "FeatureCollection", "features": [district]}, indent=1) + "\n"
    return texts


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" if abs(value) < 1e5 else str(value) for value in values)
