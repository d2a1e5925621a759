"""A made-up city with 6,000 cameras, written as a registry file of the national standard, faults included."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from random import Random

from console.demo.registry_faults import NUMBER, put_faults_in
from console.demo.streets import Plane, Spot, Streets, streets_of

# A place that does not exist, within the box of cities/demo/city.toml.
CENTRE = Plane(37.40, 127.40)
CAMERAS = 6_000
# The 18 columns of the standard's newest form (since 2026).
HEADER = (
    "개방자치단체코드",
    "관리번호",
    "관리기관명",
    "소재지도로명주소",
    "소재지지번주소",
    "설치목적구분",
    "카메라대수",
    "카메라화소수",
    "촬영방면정보",
    "보관일수",
    "설치연월",
    "관리기관전화번호",
    "WGS84위도",
    "WGS84경도",
    "데이터기준일자",
    "최종수정시점",
    "데이터갱신구분",
    "데이터갱신시점",
)
DISTRICTS = ("새벽구", "한빛구", "솔내구", "가온구", "너른구", "마루구")
PURPOSES = {
    "생활방범": 58,
    "어린이보호": 13,
    "차량방범": 5,
    "교통정보수집": 6,
    "불법주정차": 6,
    "시설물관리": 4,
    "쓰레기단속": 3,
    "다목적": 3,
    "재난재해": 2,
}
# Where the geocoder of the western district puts every address it does not know.
DISTRICT_OFFICE = Spot(-1_550.0, -1_240.0)
# How many cameras hang on a pole, and how often; 2.05 on average, as in Seoul's registry.
CAMERAS_ON_POLE = {1: 35, 2: 35, 3: 20, 4: 10}
SHARE_OF_POLES_WITH_PTZ = 0.45
SHARE_ALL_ROUND = 0.08
STREET_NAMES = (
    "가람",
    "나루",
    "다솜",
    "라온",
    "마루",
    "바람",
    "사랑",
    "아침",
    "자연",
    "차오름",
    "큰별",
    "타래",
    "푸른",
    "하늘",
)


@dataclass(frozen=True, slots=True)
class SyntheticCity:
    """The city as the story needs it, and its registry as the connector reads it.

    Attributes:
        plane: metres to degrees.
        streets: where people walk and vehicles drive.
        rows: the registry's rows in file order, without the header.
        spots: where the cameras of each row truly are, whatever the row says.
        faults: how many rows of each fault were put in, by fault.
    """

    plane: Plane
    streets: Streets
    rows: tuple[tuple[str, ...], ...]
    spots: tuple[Spot, ...]
    faults: dict[str, int]

    def csv_bytes(self) -> bytes:
        """Return the registry file: CSV in CP949, the encoding most owners still save in."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(HEADER)
        writer.writerows(self.rows)
        return text.getvalue().encode("cp949")

    def write_registry(self, path: Path) -> None:
        """Write the registry file."""
        path.write_bytes(self.csv_bytes())


def synthetic_city(seed: int) -> SyntheticCity:
    """Return the city of a seed; the same seed gives the same city, byte for byte."""
    random = Random(f"city:{seed}")
    streets = streets_of(random)
    rows: list[list[str]] = []
    spots: list[Spot] = []
    cameras = 0
    for pole in _poles(random, streets):
        if cameras >= CAMERAS:
            break
        for count, direction in _cameras_of_a_pole(random):
            rows.append(_row(random, len(rows) + 1, pole, count, direction))
            spots.append(pole)
            cameras += count
    faults = put_faults_in(random, rows, CENTRE.degrees(DISTRICT_OFFICE))
    # A repeated row stands at the end and is of a pole before it.
    by_number = dict(zip((row[NUMBER] for row in rows), spots, strict=False))
    spots += [by_number[row[NUMBER]] for row in rows[len(spots) :]]
    return SyntheticCity(CENTRE, streets, tuple(tuple(row) for row in rows), tuple(spots), faults)


def _poles(random: Random, streets: Streets) -> list[Spot]:
    """Return places for poles beside the streets, at junctions and between them, denser towards the centre."""
    places = list(streets.junctions)
    places += [_between(random, streets, piece) for piece in streets.pieces()]
    # Weighted order without repeats: the smallest of -log(u) / weight comes first (Efraimidis and Spirakis, 2006).
    keyed = [
        (-math.log(1 - random.random()) / math.exp(-place.distance_m(Spot(0, 0)) / 2_500), place) for place in places
    ]
    keyed.sort(key=lambda item: item[0])
    return [_beside_the_street(random, place) for _, place in keyed]


def _between(random: Random, streets: Streets, piece: tuple[int, int]) -> Spot:
    here, there = (streets.junctions[number] for number in piece)
    return here.towards(there, here.distance_m(there) * random.uniform(0.35, 0.65))


def _beside_the_street(random: Random, place: Spot) -> Spot:
    angle = random.uniform(0, 2 * math.pi)
    distance_m = random.uniform(3, 7)
    return Spot(place.east_m + distance_m * math.cos(angle), place.north_m + distance_m * math.sin(angle))


def _cameras_of_a_pole(random: Random) -> list[tuple[int, str]]:
    """Return the rows of one pole as camera count and direction text."""
    count = random.choices(list(CAMERAS_ON_POLE), list(CAMERAS_ON_POLE.values()))[0]
    ptz = random.random() < SHARE_OF_POLES_WITH_PTZ
    rows = [(1, "회전형")] if ptz else []
    fixed = count - len(rows)
    if fixed and random.random() < SHARE_ALL_ROUND:
        rows.append((1, "360도 전방면"))
        fixed -= 1
    if fixed:
        landmark = random.choice(("정문", "놀이터", "큰길", "골목", "시장", "역", "학교"))
        # Two of three owners write that such cameras do not turn; the others only where they look.
        kind = "" if random.random() < 0.33 else "고정 "
        rows.append((fixed, f"{kind}{landmark} 방면"))
    return rows


def _row(random: Random, number: int, pole: Spot, count: int, direction: str) -> list[str]:
    lat_deg, lon_deg = CENTRE.degrees(pole)
    district = _district_of(pole)
    street = f"{random.choice(STREET_NAMES)}로"
    address = f"누리도 보기시 {DISTRICTS[district]} {street} {random.randint(1, 240)}"
    lot = f"누리도 보기시 {DISTRICTS[district]} {random.choice(STREET_NAMES)}동 {random.randint(1, 900)}"
    year = random.randint(2012, 2025)
    return [
        f"990{district + 1}000",
        f"NR-{number:04}",
        f"누리도 보기시 {DISTRICTS[district]}청",
        address,
        lot,
        random.choices(list(PURPOSES), list(PURPOSES.values()))[0],
        str(count),
        random.choice(("200", "200", "400", "800")),
        direction,
        "30",
        f"{year}-{random.randint(1, 12):02}",
        "000-000-0000",
        f"{lat_deg:.7f}",
        f"{lon_deg:.7f}",
        "2026-05-31",
        "2026-06-01 00:00:00",
        "I",
        "2026-06-01 02:00:00",
    ]


def _district_of(spot: Spot) -> int:
    """Return the number of the district a spot lies in: three from west to east, two from south to north."""
    column = 0 if spot.east_m < -900 else 1 if spot.east_m < 950 else 2
    # The border between south and north winds like a stream.
    return column + 3 * (spot.north_m > 180 * math.sin(spot.east_m / 600))
