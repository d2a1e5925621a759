"""Without a street map sight fades faster, because walls that nobody knows of stand between."""

import numpy as np

from pipeline.cameras.camera_table import CameraTable
from pipeline.choice.scenery import Scenery
from pipeline.choice.work import fade_of
from pipeline.geo import Plane
from pipeline.world.streets import streets_from
from tests.support.policies import DEMO

PLANE = Plane(37.4, 127.4)
STREETS = streets_from([np.array([(127.4, 37.4), (127.401, 37.4)])], PLANE)


def test_sight_fades_with_the_unmapped_scale_where_no_streets_are_known_and_with_clutter_alone_where_they_are() -> None:
    blind, mapped = Scenery(CameraTable(PLANE), DEMO), Scenery(CameraTable(PLANE), DEMO, STREETS)
    assert mapped.view == DEMO.view
    assert blind.view.clutter_scale_m == DEMO.view.unmapped_scale_m
    assert fade_of(blind.view)[100] < fade_of(mapped.view)[100] / 2


def test_without_streets_why_names_it() -> None:
    assert "no-streets" in Scenery(CameraTable(PLANE), DEMO).assumptions_for(())
    assert "no-streets" not in Scenery(CameraTable(PLANE), DEMO, STREETS).assumptions_for(())
