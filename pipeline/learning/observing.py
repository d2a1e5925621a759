"""What a look for one case teaches of the camera it went through."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.cameras.camera_columns import KINDS
from pipeline.choice.scenery import Scenery
from pipeline.geo import Floats
from pipeline.learning.knowledge import Registered, View, observed, sectors_of
from pipeline.rules.policy import Policy
from pipeline.sight.optics import ROUND, TURNING, Optics
from schemas.camera_knowledge import CameraObservation

_FULL_CIRCLE_DEG = 360.0


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A look through a camera.

    Attributes:
        event_id: the sighting's.
        camera_id: the camera's.
        row: its row in the table.
        at_us: when it was looked.
        seen: whether the subject was seen.
        reliability: probability that this is true.
        pan_deg: where the camera was turned; NaN for what does not turn, or if nobody knows.
        field_deg: its field of view then; 0 if nobody knows.
    """

    event_id: str
    camera_id: str
    row: int
    at_us: int
    seen: bool
    reliability: float
    pan_deg: float
    field_deg: float


def observation_of(  # noqa: PLR0917 - a look, the belief before it, and what the camera shows of that
    look: Glimpse,
    particles: NDArray[np.void],
    at_m: tuple[Floats, Floats],
    p: NDArray[np.float32],
    weak: NDArray[np.bool_],
    scenery: Scenery,
    policy: Policy,
) -> CameraObservation | None:
    """Return what a look teaches; None if it teaches nothing.

    Args:
        look: the look.
        particles: the belief before it.
        at_m: (x_m, y_m) of each particle.
        p: how surely the camera shows each of them, as far as is known of it.
        weak: where it shows less than observe level.
        scenery: the cameras.
        policy: the city's rules.
    """
    cameras, optics, row = scenery.cameras, scenery.optics, look.row
    east_m, north_m = at_m[0] - float(cameras.x_m[row]), at_m[1] - float(cameras.y_m[row])
    rate = np.where(weak, policy.belief.weak_seen_rate, policy.belief.seen_rate)
    weight = particles["weight"].astype(np.float64)
    azimuth_deg = float(cameras.azimuth_deg[row])
    return observed(
        event_id=look.event_id,
        camera_id=look.camera_id,
        observed_us=look.at_us,
        seen=look.seen,
        reliability=look.reliability,
        east_m=east_m,
        north_m=north_m,
        mass=weight / max(float(weight.sum()), 1.0),
        expected=_as_registered(p, at_m, optics, row) * rate,
        registered=Registered(
            basis=cameras.learned.basis_of(row),
            kind=KINDS[int(cameras.kind[row])],
            azimuth_deg=None if np.isnan(azimuth_deg) else azimuth_deg,
            error_m=policy.view.pole_error_m,
        ),
        view=_view_of(look, scenery, policy),
    )


def _as_registered(p: NDArray[np.float32], at_m: tuple[Floats, Floats], optics: Optics, row: int) -> Floats:
    """Return what the camera would show if the registry were right: the learned factors are taken out again.

    They belong to sectors around the pole that ``p`` was reckoned from, which is the learned one.
    """
    sector = sectors_of(at_m[0] - optics.x_m[row], at_m[1] - optics.y_m[row])
    learned = np.maximum(optics.factor[row, sector].astype(np.float64), 1e-6)
    return np.asarray(np.minimum(p / learned, 1.0))


def _view_of(look: Glimpse, scenery: Scenery, policy: Policy) -> View:
    optics, row = scenery.optics, look.row
    field_deg = look.field_deg if look.field_deg > 0 else float(optics.field_deg[row])
    zoom = int(np.argmin(np.abs(np.array(optics.zoom_deg) - field_deg)))
    return View(
        observe_m=float(optics.observe_m[row, zoom if int(optics.motion[row]) == TURNING else 0]),
        pan_deg=look.pan_deg,
        # Of a head that turns, but nobody knows where to, this is the part of the circle that it shows.
        field_deg=_FULL_CIRCLE_DEG if int(optics.motion[row]) == ROUND else field_deg,
        seen_rate=policy.belief.seen_rate,
        weak_seen_rate=policy.belief.weak_seen_rate,
        clutter_scale_m=policy.view.clutter_scale_m,
    )
