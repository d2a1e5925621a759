"""What a look teaches of the camera it went through, and how what was learned of its pole counts in the choice."""

import dataclasses

import numpy as np
import pytest

from pipeline.belief.particles import PARTICLE
from pipeline.cameras.camera_table import CameraTable
from pipeline.choice.scenery import Scenery
from pipeline.choice.shown import shown
from pipeline.learning.hypotheses import AS_REGISTERED, ORIENTATIONS, SPOTS
from pipeline.learning.knowledge import learn
from pipeline.learning.observing import Glimpse, observation_of
from pipeline.world.free_space import free_space_from_streets
from pipeline.world.streets import streets_from
from schemas.camera_knowledge import CameraObservation
from schemas.codec import encode
from tests.pipeline.camera_records import put
from tests.pipeline.cameras.test_camera_table import a_knowledge
from tests.pipeline.engine_runs import policy_with
from tests.support.little_city import PLANE, camera_at, grid_lines_m, lines_deg

POLICY = policy_with(view={"pole_error_m": 12.0})
STREETS = streets_from(lines_deg(grid_lines_m(4)), PLANE)
FREE = free_space_from_streets(STREETS)
NOWHERE = np.nan


def scenery_of(*cameras):
    table = CameraTable(PLANE)
    assert not put(table, *cameras)
    scenery = Scenery(table, POLICY, STREETS, FREE)
    scenery.refresh()
    return scenery


def teach(scenery, camera_id="cam-1", **known):
    """Let the table know of a camera, and the scenery follow."""
    cameras = scenery.cameras
    basis = cameras.learned.basis_of(cameras.row_of(camera_id))
    record = a_knowledge(camera_id, basis=basis, **known)
    assert not cameras.apply_knowledge([camera_id.encode()], [encode(record)], 1)
    scenery.refresh()


def look_through(scenery, at_m, *, seen, pan_deg=NOWHERE, field_deg=0.0) -> CameraObservation:
    """Return what a look teaches when the target is surely at one place."""
    row = scenery.cameras.row_of("cam-1")
    particles = np.zeros(1, PARTICLE)
    particles["weight"] = 1000
    x_m, y_m = np.array([at_m[0]]), np.array([at_m[1]])
    p, weak = shown(scenery.world, scenery.optics, row, pan_deg, field_deg, [-1], x_m, y_m, POLICY.view)
    look = Glimpse("look-1", "cam-1", row, 0, seen, 0.97, pan_deg, field_deg)
    observation = observation_of(look, particles, (x_m, y_m), p, weak, scenery, POLICY)
    assert observation is not None
    return observation


def as_registered(observation):
    """Return how likely the look is if the camera is what the registry says, against the other hypotheses."""
    told = np.frombuffer(observation.evidence, "<f4").reshape(SPOTS, ORIENTATIONS)
    return told[0, AS_REGISTERED]


def test_a_miss_of_a_head_nobody_knows_the_aim_of_hardly_speaks_for_darkness():
    scenery = scenery_of(camera_at("cam-1", 0.0, 0.0, kind="ptz", azimuth_deg=None))
    unknown = look_through(scenery, (0.0, 15.0), seen=False)
    aimed = look_through(scenery, (0.0, 15.0), seen=False, pan_deg=0.0, field_deg=60.0)
    assert sum(unknown.expected) == pytest.approx(sum(aimed.expected) / 6, rel=0.01)
    # At most a sixth of what a miss of one that surely looked there says.
    assert 0 < learn(None, unknown).dark - learn(None, aimed).dark + 0.5 < 0.5
    assert as_registered(unknown) > as_registered(aimed)


def test_what_would_be_seen_by_the_registry_does_not_depend_on_learned_factors():
    scenery = scenery_of(camera_at("cam-1", 0.0, 0.0, kind="all-round", azimuth_deg=None))
    teach(scenery, factor=1.0, pole_m=(0.0, -24.0))
    before = look_through(scenery, (2.0, -20.0), seen=False)
    # North of the learned pole, south of the registered one: the factor of the first sector is the one to take out.
    teach(scenery, factors=(0.25,) + (2.0,) * 11, pole_m=(0.0, -24.0))
    after = look_through(scenery, (2.0, -20.0), seen=False)
    assert sum(after.expected) == pytest.approx(sum(before.expected), rel=1e-5)


def test_a_learned_pole_is_where_the_camera_is_chosen_and_seen_from():
    scenery = scenery_of(camera_at("cam-1", 0.0, 0.0), camera_at("cam-2", 0.0, 0.0))
    teach(scenery, factor=1.0, pole_m=(0.0, 17.5), pole_error_m=8.5)
    row, other = (scenery.cameras.row_of(name) for name in ("cam-1", "cam-2"))
    assert scenery.optics.y_m[row] == pytest.approx(16.0, abs=1e-6), "in steps of 4 m"
    assert scenery.optics.y_m[other] == pytest.approx(0.0, abs=1e-6)
    sights = scenery.world.sightlines
    assert sights is not None
    cells = sights.cell[sights.first[row] : sights.first[row] + sights.count[row]]
    from_learned_m = np.hypot(STREETS.cell_x_m[cells], STREETS.cell_y_m[cells] - 16.0)
    from_registered_m = np.hypot(STREETS.cell_x_m[cells], STREETS.cell_y_m[cells])
    metres = sights.distance_m[sights.first[row] : sights.first[row] + sights.count[row]]
    off_m = np.abs(metres - from_learned_m)
    assert off_m.max() <= 8.5, "means over the spots where the learned pole may stand, no farther off than its error"
    assert off_m.mean() < 0.5 * np.abs(metres - from_registered_m).mean()


def test_a_pole_that_is_learned_a_little_better_costs_no_new_lines_of_sight():
    scenery = scenery_of(camera_at("cam-1", 0.0, 0.0))
    sights = scenery.world.sightlines
    assert sights is not None
    teach(scenery, factor=0.9, pole_m=(8.3, 0.2), pole_error_m=9.0)
    computed = sights.computed
    teach(scenery, factor=0.8, pole_m=(9.1, -0.4), pole_error_m=7.1)
    assert sights.computed == computed
    teach(scenery, factor=0.8, pole_m=(9.1, -0.4), pole_error_m=4.0)
    assert sights.computed == computed + 1, "a surer place is another one"
    assert sights.poles == 1


def test_a_corrected_registry_entry_brings_the_camera_back_to_its_registered_place():
    scenery = scenery_of(camera_at("cam-1", 0.0, 0.0))
    teach(scenery, pole_m=(16.0, 0.0))
    assert not put(scenery.cameras, camera_at("cam-1", 0.0, 40.0))
    scenery.refresh()
    row = scenery.cameras.row_of("cam-1")
    assert (scenery.optics.x_m[row], scenery.optics.y_m[row]) == (scenery.cameras.x_m[row], scenery.cameras.y_m[row])
    assert dataclasses.is_dataclass(scenery.world)
