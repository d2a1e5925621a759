"""How far greedy choice is from the exact optimum of coverage, on small cases solved by HiGHS."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.eyes_on.cameras import PTZ_WIDEST_DEG, TURNING
from benchmarks.eyes_on.cells import cameras_in, walls_in
from benchmarks.eyes_on.maps import Floats, city_map
from benchmarks.eyes_on.scoring import Figure, ratio
from benchmarks.eyes_on.sights import Sights, sights_of
from benchmarks.eyes_on.truth import TEST_SEEDS, Walks

CASES, PLACES, CAMERAS = 60, 60, 4
AIM_STEP_DEG = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class SmallCase:
    """Views and what they show of weighted places.

    Attributes:
        shows: whether view v shows place x, shape (views, places).
        camera: of each view; of one camera at most one view is chosen.
        mass: of the places, adding up to 1.
    """

    shows: NDArray[np.bool_]
    camera: NDArray[np.int64]
    mass: Floats


def greedy_value(case: SmallCase, count: int) -> float:
    """Return the mass covered by the greedy choice of so many views."""
    left, open_views = case.mass.copy(), np.ones(len(case.camera), np.bool_)
    for _ in range(count):
        gains = np.where(open_views, case.shows @ left, 0.0)
        best = int(np.argmax(gains)) if len(gains) else -1
        if best < 0 or gains[best] <= 0:
            break
        left = left * ~case.shows[best]
        open_views &= case.camera != case.camera[best]
    return float(case.mass.sum() - left.sum())


def exact_value(case: SmallCase, count: int) -> float:
    """Return the most mass that so many views can cover, proved by HiGHS.

    Raises:
        ImportError: highspy is not installed; it is needed for nothing else.
        RuntimeError: the solver did not prove an optimum.
    """
    import highspy  # noqa: PLC0415  # benchmark only

    views, places = case.shows.shape
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    take = [solver.addVariable(0, 1, 0) for _ in range(views)]
    covered = [solver.addVariable(0, 1, -float(m)) for m in case.mass]
    for variable in take:
        solver.changeColIntegrality(variable.index, highspy.HighsVarType.kInteger)
    infinite = highspy.kHighsInf
    for x in range(places):
        by = np.flatnonzero(case.shows[:, x])
        index = np.concatenate([[covered[x].index], [take[v].index for v in by]]).astype(np.int32)
        solver.addRow(-infinite, 0.0, len(index), index, np.concatenate([[1.0], -np.ones(len(by))]))
    for camera in np.unique(case.camera):
        of = np.array([take[v].index for v in np.flatnonzero(case.camera == camera)], np.int32)
        solver.addRow(-infinite, 1.0, len(of), of, np.ones(len(of)))
    everything = np.array([v.index for v in take], np.int32)
    solver.addRow(-infinite, float(count), len(everything), everything, np.ones(len(everything)))
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"HiGHS ended with {solver.getModelStatus()}")
    return -float(solver.getInfo().objective_function_value)


def small_cases(city_name: str, count: int = CASES) -> list[SmallCase]:
    """Return cases of a city: street places around a point, what cameras truly show of them, heads by aims."""
    city, true = city_map(city_name), cameras_in(city_name, "clean")
    cases: list[SmallCase] = []
    while len(cases) < count:
        rng = np.random.default_rng([TEST_SEEDS[9_500 + len(cases)], 10])
        middle = int(rng.integers(len(true)))
        near = np.argsort(np.hypot(city.node_x_m - true.x_m[middle], city.node_y_m - true.y_m[middle]))[:25]
        node, other = near[rng.integers(len(near), size=PLACES)], near[rng.integers(len(near), size=PLACES)]
        at = rng.random(PLACES)
        x_m = city.node_x_m[node] * (1 - at) + city.node_x_m[other] * at + rng.normal(0, 2, PLACES)
        y_m = city.node_y_m[node] * (1 - at) + city.node_y_m[other] * at + rng.normal(0, 2, PLACES)
        walks = Walks(x_m[None], y_m[None], np.array([len(cases)]))
        sights = sights_of(walks, true, walls_in(city_name))
        cases.append(_case_of(sights, rng))
    return cases


def _case_of(sights: Sights, rng: np.random.Generator) -> SmallCase:
    """Return the views that show anything: one per camera, of heads one per aim."""
    true = sights.cameras
    rows, cameras = [], []
    for camera in np.flatnonzero(np.diff(sights.first)).tolist():
        mine = slice(sights.first[camera], sights.first[camera + 1])
        near = sights.distance_m[mine] <= true.observe_m[camera]
        turns = true.kind[camera] == TURNING
        for aim_deg in np.arange(0, 360, AIM_STEP_DEG) if turns else (0.0,):
            off_deg = np.abs((sights.bearing_deg[mine] - aim_deg + 180) % 360 - 180)
            shown = near & (off_deg <= PTZ_WIDEST_DEG / 2) if turns else near
            if shown.any():
                row = np.zeros(PLACES, np.bool_)
                row[sights.second[mine][shown]] = True
                rows.append(row)
                cameras.append(camera)
    mass = rng.random(PLACES)
    shows = np.array(rows, np.bool_).reshape(len(rows), PLACES)
    return SmallCase(shows, np.array(cameras, np.int64), mass / mass.sum())


def run_optimum(city_name: str, count: int = CASES) -> Figure:
    """Return what greedy covers of what is possible."""
    cases = small_cases(city_name, count)
    greedy = np.array([greedy_value(case, CAMERAS) for case in cases])
    exact = np.array([exact_value(case, CAMERAS) for case in cases])
    if (greedy > exact + 1e-6).any():
        raise RuntimeError("greedy beat the optimum: the model is wrong")
    return ratio(greedy, exact)
