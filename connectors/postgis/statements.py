"""The SQL of the sink, written from the names of the columns."""

from collections.abc import Mapping
from typing import LiteralString

from psycopg import sql

_PLACES = {"place": ("lon_deg", "lat_deg"), "aim": ("aim_lon_deg", "aim_lat_deg")}

ADD_CASE: LiteralString = """
INSERT INTO goldentime.cases (case_id, opened_us) VALUES (%(case_id)s, %(opened_us)s)
ON CONFLICT (case_id, opened_us) DO NOTHING
"""
FORGET_DECISIONS: LiteralString = """
UPDATE goldentime.decisions SET place = NULL, accuracy_m = NULL, search_radius_m = NULL, heading_deg = NULL,
       speed_mps = NULL, forgotten_at = now()
 WHERE case_no IN (SELECT case_no FROM goldentime.cases WHERE case_id = %(case_id)s)
"""
FORGET_CAMERAS: LiteralString = """
UPDATE goldentime.decision_cameras SET aim = NULL, distance_m = NULL, bearing_deg = NULL, pan_deg = NULL,
       tilt_deg = NULL, zoom = NULL
 WHERE case_no IN (SELECT case_no FROM goldentime.cases WHERE case_id = %(case_id)s)
"""
_POINT = sql.SQL("ST_SetSRID(ST_MakePoint({lon}::float8, {lat}::float8), 4326)")
_CHANGE = sql.SQL("{name} = EXCLUDED.{name}")
_UPSERT = sql.SQL("""
INSERT INTO {table} (case_no, {columns})
SELECT case_no, {values} FROM goldentime.cases WHERE case_id = %(case_id)s AND opened_us = %(opened_us)s
ON CONFLICT (case_no, {key}) DO UPDATE SET {changed}
""")


def upsert(table: str, row: Mapping[str, object], key: tuple[str, ...]) -> sql.Composed:
    """Return the statement that writes a row of a case, or replaces the one that stands under its key.

    Args:
        table: ``decisions`` or ``decision_cameras``.
        row: a row as ``parse`` gives it; latitude and longitude become a point.
        key: columns of the primary key after ``case_no``.
    """
    values: dict[str, sql.Composable] = {
        name: sql.Placeholder(name) for name in row if name not in ("case_id", "opened_us")
    }
    for place, (lon, lat) in _PLACES.items():
        if lat in values:
            del values[lon], values[lat]
            values[place] = _POINT.format(lon=sql.Placeholder(lon), lat=sql.Placeholder(lat))
    changed: list[sql.Composable] = [_CHANGE.format(name=sql.Identifier(name)) for name in values if name not in key]
    if table == "decisions":
        # A version that comes again comes before the tombstone that comes again.
        changed.append(sql.SQL("forgotten_at = NULL"))
    comma = sql.SQL(", ")
    return _UPSERT.format(
        table=sql.Identifier("goldentime", table),
        columns=comma.join(map(sql.Identifier, values)),
        values=comma.join(values.values()),
        key=comma.join(map(sql.Identifier, key)),
        changed=comma.join(changed),
    )
