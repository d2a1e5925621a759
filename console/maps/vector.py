"""Read streets and buildings from GeoJSON, and from GeoPackage with pyogrio."""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from connectors.kit.reading.korean_grid import UTM_K_X_M, UTM_K_Y_M, from_utm_k
from console.errors import ConsoleError
from console.maps.sources import (
    BUILDINGS_MAX,
    GEOJSON_BYTES_MAX,
    LINES_MAX,
    Box,
    MapPart,
    Progress,
    has_walls,
    in_box,
    is_walked,
)

HOW_TO_INSTALL = "reading GeoPackage needs pyogrio: pip install 'pyogrio>=0.10,<1'"
# What GeoJSON is in, and its other names.
WGS_84 = ("EPSG:4326", "OGC:CRS84", "urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::4326")
# The grid of Korea's national maps, the road-name map among them; the formulas are the registries' connector's.
UTM_K = ("EPSG:5179", "urn:ogc:def:crs:EPSG::5179")
# Properties of OpenStreetMap that exports carry along; what other files call streets is taken as it is.
_TAGS = ("highway", "foot", "access", "motorroad", "tunnel", "indoor", "building", "location")

Shapes = NDArray[np.object_]


def read_geojson(path: Path, box_deg: Box, progress: Progress, *, streets: bool, buildings: bool) -> MapPart:
    """Return lines as streets and polygons as buildings of a GeoJSON file, as far as they touch a box.

    Raises:
        ConsoleError: the file is no GeoJSON, is too large, or is not in degrees.
    """
    if path.stat().st_size > GEOJSON_BYTES_MAX:
        raise ConsoleError(f"{path.name} must have at most {GEOJSON_BYTES_MAX:,} bytes; a GeoPackage may have more")
    try:
        body = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConsoleError(f"{path.name} must be GeoJSON: {error}") from error
    crs = _get(_get(_get(body, "crs"), "properties"), "name")
    if crs is not None and crs not in WGS_84 + UTM_K:
        raise ConsoleError(_wrong_crs(path, crs))
    features = _get(body, "features")
    if not isinstance(features, list):
        raise ConsoleError(f"{path.name} must be a GeoJSON FeatureCollection")
    progress(0)
    shapes = shapely.from_geojson([json.dumps(_get(f, "geometry")) for f in features], on_invalid="ignore")
    shapes = _in_degrees(shapes, crs)
    progress(len(features))
    tags = [_tags(_get(f, "properties") or {}) for f in features]
    return _part(shapes, tags, box_deg, streets=streets, buildings=buildings)


def read_geopackage(path: Path, box_deg: Box, progress: Progress, *, streets: bool, buildings: bool) -> MapPart:
    """Return lines as streets and polygons as buildings of all layers of a GeoPackage, as far as they touch a box.

    Raises:
        ConsoleError: pyogrio is missing, the file cannot be read, or a layer is neither in degrees nor in UTM-K.
    """
    try:
        pyogrio = importlib.import_module("pyogrio")
        importlib.import_module("pyogrio.raw")
    except ImportError as error:
        raise ConsoleError(HOW_TO_INSTALL) from error
    whole, read = MapPart(), 0
    try:
        for layer, kind in pyogrio.list_layers(path):
            if kind is None:
                continue  # a table without places
            part, rows = _layer(pyogrio, path, layer, box_deg, streets=streets, buildings=buildings)
            whole.lines.extend(part.lines)
            whole.buildings.extend(part.buildings)
            for reason, count in part.left_out.items():
                whole.leave_out(reason, count)
            progress(read := read + rows)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as error:
        raise ConsoleError(f"{path.name} cannot be read: {error}") from error
    return whole


def _layer(
    pyogrio: Any, path: Path, layer: str, box_deg: Box, *, streets: bool, buildings: bool
) -> tuple[MapPart, int]:
    crs = pyogrio.read_info(path, layer=layer)["crs"]
    if crs not in WGS_84 + UTM_K:
        raise ConsoleError(_wrong_crs(path, crs, layer))
    south, west, north, east = box_deg
    # The box is in degrees: in another grid everything is read, and cut afterwards.
    box = (west, south, east, north) if crs in WGS_84 else None
    meta, _, shapes, columns = pyogrio.raw.read(
        path, layer=layer, columns=list(_TAGS), force_2d=True, bbox=box, max_features=LINES_MAX + BUILDINGS_MAX + 1
    )
    names = meta["fields"].tolist()
    rows = zip(*columns, strict=True) if names else [()] * len(shapes)
    tags = [_tags(dict(zip(names, row, strict=True))) for row in rows]
    moved = _in_degrees(shapely.from_wkb(shapes), crs)
    return _part(moved, tags, box_deg, streets=streets, buildings=buildings), len(shapes)


def _part(shapes: Shapes, tags: list[dict[str, str]], box_deg: Box, *, streets: bool, buildings: bool) -> MapPart:
    part = MapPart()
    pieces, feature = shapely.get_parts(shapes, return_index=True)
    part.leave_out("features without a geometry", int(shapely.is_missing(shapes).sum()))
    kind = shapely.get_type_id(pieces)
    lines = np.isin(kind, (int(shapely.GeometryType.LINESTRING), int(shapely.GeometryType.LINEARRING)))
    polygons = kind == int(shapely.GeometryType.POLYGON)
    part.leave_out("features that are neither lines nor polygons", int((~lines & ~polygons).sum()))
    if lines.sum() > LINES_MAX or polygons.sum() > BUILDINGS_MAX:
        raise ConsoleError(f"a map must have at most {LINES_MAX:,} streets and {BUILDINGS_MAX:,} buildings")
    if streets:
        _take_lines(part, pieces[lines], [tags[i] for i in feature[lines]], box_deg)
    if buildings:
        _take_polygons(part, pieces[polygons], [tags[i] for i in feature[polygons]], box_deg)
    return part


def _take_lines(part: MapPart, lines: Shapes, tags: list[dict[str, str]], box_deg: Box) -> None:
    for line, tag in zip(lines, tags, strict=True):
        if "highway" in tag and not is_walked(tag):
            part.leave_out("ways that nobody walks on")
            continue
        points_deg = shapely.get_coordinates(line)
        _check_degrees(points_deg)
        taken = in_box(points_deg, box_deg)
        part.lines.extend(taken)
        if not taken:
            part.leave_out("ways outside the city's box")


def _take_polygons(part: MapPart, polygons: Shapes, tags: list[dict[str, str]], box_deg: Box) -> None:
    south, west, north, east = box_deg
    _check_degrees(shapely.get_coordinates(polygons))
    walls = np.array(["building" not in tag or has_walls(tag) for tag in tags], np.bool_)
    near = shapely.intersects(shapely.envelope(polygons), shapely.box(west, south, east, north))
    part.leave_out("buildings without walls", int((~walls).sum()))
    part.leave_out("buildings outside the city's box", int((walls & ~near).sum()))
    part.buildings.extend(polygons[walls & near])


def _in_degrees(shapes: Shapes, crs: Any) -> Shapes:
    """Return shapes of metres in UTM-K as shapes of degrees, some 5 seconds a million points; others as they are."""
    if crs not in UTM_K:
        return shapes
    points_m = shapely.get_coordinates(shapes)
    (left, right), (low, high) = UTM_K_X_M, UTM_K_Y_M
    if not ((points_m >= (left, low)) & (points_m <= (right, high))).all():
        raise ConsoleError(f"coordinates in {UTM_K[0]} must be in Korea, got others")
    places = [from_utm_k(x_m, y_m) for x_m, y_m in points_m.tolist()]
    moved: Shapes = shapely.set_coordinates(shapely.force_2d(shapes), np.array(places).reshape(-1, 2)[:, ::-1])
    return moved


def _check_degrees(points_deg: NDArray[np.float64]) -> None:
    if not (np.abs(points_deg) <= (180.0, 90.0)).all():
        raise ConsoleError("coordinates must be longitudes and latitudes in WGS 84 degrees, got others")


def _tags(properties: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key in _TAGS if isinstance(value := properties.get(key), str) and value}


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _wrong_crs(path: Path, crs: Any, layer: str | None = None) -> str:
    where = path.name if layer is None else f"{path.name}, layer {layer}"
    return (
        f"{where} must be in WGS 84 degrees (EPSG:4326) or UTM-K (EPSG:5179), got {crs}; "
        f"convert it: ogr2ogr -t_srs EPSG:4326 converted.gpkg {path.name}"
    )
