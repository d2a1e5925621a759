"""Streets are cut into cells, joined where lines share a vertex, and searched by place."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.compiled import plain
from pipeline.errors import PolicyError
from pipeline.world.street_index import bins_of, nearest_cell
from pipeline.world.streets import CELL_M, graph_of, nearest_cells, streets_from, streets_of_graph
from tests.support.little_city import PLANE, grid_lines_m, lines_deg

coordinates_m = st.integers(-300, 300).map(float)
lines_m = st.lists(st.lists(st.tuples(coordinates_m, coordinates_m), min_size=1, max_size=5), min_size=1, max_size=8)


def streets_m(lines):
    return streets_from(lines_deg(lines), PLANE)


def arrays_of(streets):
    flat = {f.name: getattr(streets, f.name) for f in dataclasses.fields(streets)}
    bins = flat.pop("bins")
    return flat | {f"bins.{f.name}": getattr(bins, f.name) for f in dataclasses.fields(bins)}


def same(one, other):
    ours, theirs = arrays_of(one), arrays_of(other)
    return all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_grid_has_a_node_at_each_crossing_and_an_edge_between_neighbours():
    streets = streets_m(grid_lines_m(3))
    assert len(streets.node_x_m) == 16
    assert len(streets.edge_from) == 24
    assert len(streets) == 24 * 16
    assert streets.edge_length_m == pytest.approx(np.full(24, 80.0), abs=0.02)
    assert sorted(np.diff(streets.node_first).tolist()) == [2] * 4 + [3] * 8 + [4] * 4


def test_lines_that_cross_without_a_shared_vertex_do_not_meet():
    streets = streets_m([[(-50, 0), (50, 0)], [(0, -50), (0, 50)]])
    assert np.diff(streets.node_first).tolist() == [1, 1, 1, 1]


def test_vertices_a_centimetre_apart_or_less_are_one_node():
    lines = lines_deg([[(0, 0), (50, 0)], [(50, 0), (50, 50)]])
    lines[1][0] += 2e-9
    assert len(streets_from(lines, PLANE).node_x_m) == 3


def test_repeated_points_and_repeated_streets_count_once():
    once = streets_m([[(0, 0), (50, 0)]])
    assert same(once, streets_m([[(0, 0), (0, 0), (50, 0)], [(50, 0), (0, 0)], [(0, 0), (50, 0)]]))


@given(lines_m, st.randoms(use_true_random=False))
def test_the_order_and_direction_of_lines_do_not_matter(lines, random):
    turned = [line[::-1] if random.random() < 0.5 else line for line in lines]
    random.shuffle(turned)
    assert same(streets_m(lines), streets_m(turned))


@given(lines_m)
def test_cells_are_about_five_metres_and_lie_in_order_on_their_edge(lines):
    streets = streets_m(lines)
    counts = np.diff(streets.edge_first_cell)
    size_m = streets.edge_length_m / counts
    assert (np.abs(size_m - CELL_M)[counts > 1] <= CELL_M / 4 + 1e-3).all()
    assert (size_m[counts == 1] <= 1.5 * CELL_M + 1e-3).all()
    for edge in range(len(counts)):
        cells = np.arange(streets.edge_first_cell[edge], streets.edge_first_cell[edge + 1])
        part = (cells - cells[0] + 0.5) / len(cells)
        start, end = streets.edge_from[edge], streets.edge_to[edge]
        assert (streets.cell_edge[cells] == edge).all()
        assert streets.cell_x_m[cells] == pytest.approx(
            streets.node_x_m[start] * (1 - part) + streets.node_x_m[end] * part, abs=1e-6
        )
        assert streets.cell_y_m[cells] == pytest.approx(
            streets.node_y_m[start] * (1 - part) + streets.node_y_m[end] * part, abs=1e-6
        )


@given(lines_m)
def test_each_node_knows_its_edges(lines):
    streets = streets_m(lines)
    for node in range(len(streets.node_x_m)):
        edges = streets.node_edges[streets.node_first[node] : streets.node_first[node + 1]]
        touching = np.flatnonzero((streets.edge_from == node) | (streets.edge_to == node))
        assert edges.tolist() == touching.tolist()


@given(lines_m)
def test_streets_made_again_from_their_graph_are_equal(lines):
    streets = streets_m(lines)
    assert same(streets, streets_of_graph(PLANE, *graph_of(streets)))


@given(
    lines_m,
    st.lists(st.tuples(st.floats(-600, 600), st.floats(-600, 600)), min_size=1, max_size=10),
    st.floats(0, 200),
)
def test_the_nearest_cell_is_the_nearest_of_all(lines, points, within_m):
    streets = streets_m(lines)
    x_m, y_m = np.array(points).T
    found = nearest_cells(streets, x_m, y_m, within_m)
    if not len(streets):
        assert (found == -1).all()
        return
    d_m2 = (streets.cell_x_m - x_m[:, None]) ** 2 + (streets.cell_y_m - y_m[:, None]) ** 2
    nearest = d_m2.argmin(axis=1)
    assert found.tolist() == np.where(d_m2.min(axis=1) <= within_m * within_m, nearest, -1).tolist()


@given(lines_m, st.floats(-600, 600), st.floats(-600, 600), st.floats(0, 200))
@settings(max_examples=30)
def test_the_compiled_search_equals_the_plain_one(lines, x_m, y_m, within_m):
    streets = streets_m(lines)
    b = streets.bins
    arguments = (b.origin_x_m, b.origin_y_m, b.bin_m, b.bins_x, b.bins_y, b.first, b.cells)
    arguments += (streets.cell_x_m, streets.cell_y_m, x_m, y_m, within_m)
    assert nearest_cell(*arguments) == plain(nearest_cell)(*arguments)


def test_points_that_are_nowhere_have_no_cell():
    streets = streets_m(grid_lines_m(2))
    assert nearest_cells(streets, [np.nan, np.inf, 0.0, 1e18], [0.0, 0.0, -np.inf, 1e18], 60.0).tolist() == [-1] * 4


def test_a_search_needs_a_distance():
    streets = streets_m(grid_lines_m(1))
    for within_m in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="within_m"):
            nearest_cells(streets, 0.0, 0.0, within_m)


def test_no_lines_are_streets_without_cells():
    streets = streets_from([], PLANE)
    assert len(streets) == 0
    assert nearest_cells(streets, 0.0, 0.0, 100.0).tolist() == [-1]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (np.zeros((3, 3)), "pairs of longitude and latitude"),
        (np.zeros(4), "pairs of longitude and latitude"),
        (np.array([[0.0, np.nan], [1.0, 1.0]]), "latitudes"),
        (np.array([[0.0, 91.0], [1.0, 1.0]]), "latitudes"),
        (np.array([[126.0, 30.0], [127.0, 38.0]]), "within 150 km"),
    ],
)
def test_lines_that_are_none_are_refused_by_name(line, says):
    with pytest.raises(PolicyError, match=says):
        streets_from([line], PLANE)


@pytest.mark.parametrize(
    "graph",
    [
        ([0, 100], [0], [0], [1]),
        ([0, 100], [0, 0], [0], [2]),
        ([0, 100], [0, 0], [1], [0]),
        ([0, 100], [0, 0], [-1], [1]),
        ([0, 0], [0, 0], [0], [1]),
        ([0, 100], [0, 0], [0, 0], [1]),
    ],
)
def test_a_graph_that_does_not_fit_together_is_refused(graph):
    with pytest.raises(PolicyError, match="streets"):
        streets_of_graph(PLANE, *graph)


def test_equal_streets_on_another_plane_have_another_hash():
    lines = lines_deg(grid_lines_m(2))
    moved = dataclasses.replace(PLANE, lon_deg=PLANE.lon_deg + 0.001)
    assert streets_from(lines, PLANE).content_hash == streets_from(lines, PLANE).content_hash
    assert streets_from(lines, PLANE).content_hash != streets_from(lines, moved).content_hash
    assert streets_from(lines, PLANE).content_hash != streets_from(lines[1:], PLANE).content_hash


def test_cells_too_far_apart_for_one_city_are_refused():
    with pytest.raises(PolicyError, match="within 150 km"):
        bins_of(np.array([0.0, 200_000.0]), np.zeros(2))
