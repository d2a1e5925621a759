"""UTM-K (EPSG:5179, "Korea 2000 / Unified CS") metres to WGS 84 degrees.

Formulas: the inverse transverse Mercator series of Krüger (1912) to the fourth order of the third flattening, as
written by Karney, "Transverse Mercator with an accuracy of a few nanometers", J. Geodesy 85 (2011) 475, equations 11,
12, 15 and 36, with the closed form for latitude replaced by the series of Kawase, Bulletin of the Geospatial
Information Authority of Japan 59 (2011) 1. The error of the fourth order is below a millimetre over the peninsula.
GRS 80 and WGS 84 differ by less than a millimetre there, and Korea 2000 from WGS 84 by less than a metre.
"""

import math

# EPSG:5179: GRS 80, origin 38 N 127.5 E, scale 0.9996, false easting 1 000 000 m, false northing 2 000 000 m.
_SEMI_MAJOR_AXIS_M = 6_378_137.0
_FLATTENING = 1 / 298.257222101
_ORIGIN_LAT_DEG, _ORIGIN_LON_DEG = 38.0, 127.5
_SCALE = 0.9996
_FALSE_EASTING_M, _FALSE_NORTHING_M = 1_000_000.0, 2_000_000.0
# South Korea with its islands in this grid, rounded outwards; disjoint from any range of degrees.
UTM_K_X_M = (700_000.0, 1_450_000.0)
UTM_K_Y_M = (1_400_000.0, 2_120_000.0)

_N = _FLATTENING / (2 - _FLATTENING)
_RECTIFYING_RADIUS_M = _SEMI_MAJOR_AXIS_M / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_ALPHA = (
    _N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16 + 41 * _N**4 / 180,
    13 * _N**2 / 48 - 3 * _N**3 / 5 + 557 * _N**4 / 1440,
    61 * _N**3 / 240 - 103 * _N**4 / 140,
    49561 * _N**4 / 161280,
)
_BETA = (
    _N / 2 - 2 * _N**2 / 3 + 37 * _N**3 / 96 - _N**4 / 360,
    _N**2 / 48 + _N**3 / 15 - 437 * _N**4 / 1440,
    17 * _N**3 / 480 - 37 * _N**4 / 840,
    4397 * _N**4 / 161280,
)
_DELTA = (
    2 * _N - 2 * _N**2 / 3 - 2 * _N**3 + 116 * _N**4 / 45,
    7 * _N**2 / 3 - 8 * _N**3 / 5 - 227 * _N**4 / 45,
    56 * _N**3 / 15 - 136 * _N**4 / 35,
    4279 * _N**4 / 630,
)


def _origin_arc_m() -> float:
    """Return the scaled distance in metres from the equator to the grid's origin along its meridian."""
    lat_rad = math.radians(_ORIGIN_LAT_DEG)
    eccentricity = math.sqrt(_FLATTENING * (2 - _FLATTENING))
    conformal = math.sinh(math.atanh(math.sin(lat_rad)) - eccentricity * math.atanh(eccentricity * math.sin(lat_rad)))
    xi = math.atan(conformal)
    xi += sum(alpha * math.sin(2 * j * xi) for j, alpha in enumerate(_ALPHA, start=1))
    return _SCALE * _RECTIFYING_RADIUS_M * xi


_ORIGIN_ARC_M = _origin_arc_m()


def from_utm_k(x_m: float, y_m: float) -> tuple[float, float]:
    """Return (latitude, longitude) in degrees of an easting and northing within the ranges above."""
    scale_m = _SCALE * _RECTIFYING_RADIUS_M
    xi = (y_m - _FALSE_NORTHING_M + _ORIGIN_ARC_M) / scale_m
    eta = (x_m - _FALSE_EASTING_M) / scale_m
    xi_sphere, eta_sphere = xi, eta
    for j, beta in enumerate(_BETA, start=1):
        xi_sphere -= beta * math.sin(2 * j * xi) * math.cosh(2 * j * eta)
        eta_sphere -= beta * math.cos(2 * j * xi) * math.sinh(2 * j * eta)
    conformal_rad = math.asin(math.sin(xi_sphere) / math.cosh(eta_sphere))
    lat_rad = conformal_rad + sum(d * math.sin(2 * j * conformal_rad) for j, d in enumerate(_DELTA, start=1))
    lon_rad = math.atan2(math.sinh(eta_sphere), math.cos(xi_sphere))
    return math.degrees(lat_rad), _ORIGIN_LON_DEG + math.degrees(lon_rad)
