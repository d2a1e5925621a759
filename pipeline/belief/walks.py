"""How particles walk: from event to event, not from second to second.

On streets the events of a walker are the next junction, a stop and going on; on the plane a turn takes the junction's
place. Between two events everything is straight and steady, so a minute costs as many draws as something happens in
it, about two. Stops and goes come at constant rates, hence the waiting times are exponential and nothing need be
remembered of them between two calls: what is drawn anew has the same distribution as what was left.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.chance import normal_from, stream_of, uniform_at
from pipeline.belief.particles import ON_PLANE, STANDS, Ints, Particles, StreetArrays, Walk, walk_at
from pipeline.compiled import compiled
from pipeline.geo import Floats

# Streams of a seed; each use has a million, one per particle.
MOVE_STREAMS = 0
# Somebody who walks an hour at 8 m/s over pieces of 10 m meets 2,900 events, a pedestrian 400. Only a walker caught
# between ends centimetres apart meets more; that one stands still for what is left of the time.
EVENTS_MAX = 4_000
# An edge that bends less than this is the way straight on.
_COS_STRAIGHT = math.cos(math.radians(45.0))
# Turning back is as likely as the policy says on streets of this length and longer: nobody turns at every side street.
_BACK_LENGTH_M = 60.0
# Without streets one comes to a turning about every 150 m, and never turns quite by a right angle. It is farther than
# between two junctions, because most people go straight on at most of them and on a plane each turning blurs the way:
# with 60 m and 20 degrees the demonstration's walks without streets were seen 1 to 3 points less.
_PLANE_TURN_M = 150.0
_PLANE_TURN_SD = 256.0 * 15.0 / 360.0  # 15 degrees
_NEVER_S = 1e18
_ANGLES = np.arange(256) * (2.0 * np.pi / 256.0)
_EAST, _NORTH = np.sin(_ANGLES), np.cos(_ANGLES)
# 20,000 km: what a particle's 32-bit centimetres hold, and nobody walks out of it.
_FARTHEST_CM = 2_000_000_000.0


@compiled
def waiting_s(u: float, rate_per_s: float, within_s: float) -> float:
    """Return the exponential waiting time that belongs to 0 <= u < 1, or a very long one if it is beyond a limit.

    -log(1 - u) is never below u: mostly that settles it without a logarithm.
    """
    if rate_per_s <= 0.0 or u >= rate_per_s * within_s:
        return _NEVER_S
    return -math.log(1.0 - u) / rate_per_s


@compiled
def next_edge(  # noqa: PLR0917 - a kernel takes plain arguments
    node: int,
    came: int,
    u: float,
    walk: Walk,
    node_x_m: Floats,
    node_y_m: Floats,
    edge_from: Ints,
    edge_to: Ints,
    edge_length_m: NDArray[np.float32],
    node_first: Ints,
    node_edges: Ints,
) -> int:
    """Return the edge by which somebody leaves a node: out of a dead end back, at a mere bend on, else by chance.

    At a junction the edge that bends least, if it bends less than 45 degrees, has the weight ``straight``, each other
    one ``turn``, and the edge by which the node was reached ``back``, less in proportion where it is shorter than 60 m.

    Args:
        node: the node.
        came: the edge by which it was reached.
        u: a draw, 0 <= u < 1.
        walk: the weights.
        node_x_m: of the streets, as all that follow.
        node_y_m: see ``Streets``.
        edge_from: see ``Streets``.
        edge_to: see ``Streets``.
        edge_length_m: see ``Streets``.
        node_first: see ``Streets``.
        node_edges: see ``Streets``.
    """
    first, end = node_first[node], node_first[node + 1]
    if end - first == 2:
        return int(node_edges[first] if node_edges[first] != came else node_edges[first + 1])
    if end - first < 2:
        return came
    behind = edge_from[came] if edge_from[came] != node else edge_to[came]
    in_x, in_y = node_x_m[node] - node_x_m[behind], node_y_m[node] - node_y_m[behind]
    came_m = max(np.float64(edge_length_m[came]), 0.001)
    best_cos, ahead = _COS_STRAIGHT, -1
    for k in range(first, end):
        edge = node_edges[k]
        far = edge_to[edge] if edge_from[edge] == node else edge_from[edge]
        dot = in_x * (node_x_m[far] - node_x_m[node]) + in_y * (node_y_m[far] - node_y_m[node])
        cos = dot / (came_m * max(np.float64(edge_length_m[edge]), 0.001))
        if edge != came and cos > best_cos:
            best_cos, ahead = cos, k
    total = walk.turn * (end - first - 1) + (walk.straight - walk.turn if ahead >= 0 else 0.0)
    left = u * (total + walk.back * min(1.0, came_m / _BACK_LENGTH_M))
    for k in range(first, end):
        if node_edges[k] != came:
            left -= walk.straight if k == ahead else walk.turn
            if left < 0.0:
                return int(node_edges[k])
    return came


@compiled
def turned(heading: int, u: float, jitter: float, walk: Walk) -> int:
    """Return the heading after a turn on the plane, 0..255: as at a junction of four ways, blurred by 15 degrees."""
    left = u * (walk.straight + 2.0 * walk.turn + walk.back) - walk.straight
    change = 0.0
    if left >= 0.0:
        change = 128.0
        if left < walk.turn:
            change = 64.0
        elif left < 2.0 * walk.turn:
            change = -64.0
    change += _PLANE_TURN_SD * normal_from(jitter)
    return math.floor(heading + change + 0.5) & 255


@compiled
def move_on_plane(particle: Any, seconds: float, start: np.uint64, walk: Walk) -> None:
    """Move one particle on the plane: straight on, with a turn about every 150 m; stops as on streets."""
    speed_mps = max(0.001 * particle["speed_mmps"], 0.001)
    x_m, y_m, heading = 0.01 * particle["a"], 0.01 * particle["b"], int(particle["turn"])
    stands, left_s, draw = particle["state"] & STANDS != 0, seconds, 0
    changes_per_s = walk.stops_per_s + speed_mps / _PLANE_TURN_M
    for _ in range(EVENTS_MAX):
        rate_per_s = walk.goes_per_s if stands else changes_per_s
        event_s = waiting_s(uniform_at(start, draw), rate_per_s, left_s)
        walked_s = min(event_s, left_s)
        if not stands:
            x_m += walked_s * speed_mps * _EAST[heading]
            y_m += walked_s * speed_mps * _NORTH[heading]
        if event_s >= left_s:
            break
        left_s -= event_s
        if stands:
            stands = False
        elif uniform_at(start, draw + 1) * changes_per_s < walk.stops_per_s:
            stands = True
        else:
            heading = turned(heading, uniform_at(start, draw + 2), uniform_at(start, draw + 3), walk)
        draw += 4
    particle["a"] = centimetres(x_m)
    particle["b"] = centimetres(y_m)
    particle["turn"] = heading
    particle["state"] = ON_PLANE | STANDS if stands else ON_PLANE


@compiled
def centimetres(metres: float) -> int:
    """Return whole centimetres, within what 32 bits hold."""
    return math.floor(min(max(metres * 100.0, -_FARTHEST_CM), _FARTHEST_CM) + 0.5)


@compiled
def move_row(row: Particles, seconds: float, seed: np.uint64, walk: Walk, s: StreetArrays) -> None:
    """Move one case's particles (P,) in place, each along the streets from event to event or on the plane."""
    node_x_m, node_y_m, node_first, node_edges = s.node_x_m, s.node_y_m, s.node_first, s.node_edges
    edge_from, edge_to, edge_length_m = s.edge_from, s.edge_to, s.edge_length_m
    for i in range(row.shape[0]):
        particle: Any = row[i]
        start = stream_of(seed, MOVE_STREAMS + i)
        if particle["state"] & ON_PLANE:
            move_on_plane(particle, seconds, start, walk)
            continue
        edge, towards_first = int(particle["a"]), particle["turn"] == 1
        speed_mps = max(0.001 * particle["speed_mmps"], 0.001)
        length_m = np.float64(edge_length_m[edge])
        left_m = max(0.01 * particle["b"] if towards_first else length_m - 0.01 * particle["b"], 0.0)
        stands, left_s, draw = particle["state"] & STANDS != 0, seconds, 1
        stop_s = _NEVER_S if stands else waiting_s(uniform_at(start, 0), walk.stops_per_s, left_s)
        for _ in range(EVENTS_MAX):
            if stands:
                go_s = waiting_s(uniform_at(start, draw), walk.goes_per_s, left_s)
                if go_s >= left_s:
                    break
                stands, left_s = False, left_s - go_s
                stop_s = waiting_s(uniform_at(start, draw + 1), walk.stops_per_s, left_s)
                draw += 2
            node_s = left_m / speed_mps
            if stop_s < node_s and stop_s < left_s:
                stands, left_s, left_m = True, left_s - stop_s, max(left_m - stop_s * speed_mps, 0.0)
                continue
            if node_s >= left_s:
                left_m = max(left_m - left_s * speed_mps, 0.0)
                break
            left_s, stop_s = left_s - node_s, stop_s - node_s
            node = edge_from[edge] if towards_first else edge_to[edge]
            u = uniform_at(start, draw)
            draw += 1
            edge = next_edge(
                node, edge, u, walk, node_x_m, node_y_m, edge_from, edge_to, edge_length_m, node_first, node_edges
            )
            towards_first = edge_from[edge] != node
            length_m = np.float64(edge_length_m[edge])
            left_m = length_m
        along_m = left_m if towards_first else length_m - left_m
        particle["a"] = edge
        particle["b"] = math.floor(min(max(along_m, 0.0), length_m) * 100.0 + 0.5)
        particle["turn"] = 1 if towards_first else 0
        particle["state"] = STANDS if stands else 0


@compiled
def move_cases(  # noqa: PLR0917 - the seam takes plain arguments
    particles: Particles,
    seconds: Floats,
    walk: Ints,
    seeds: NDArray[np.uint64],
    walks: Floats,
    s: StreetArrays,
) -> None:
    """Move the particles (m, P) of cases in place, each case by its seconds; none or less leaves it as it is."""
    for case in range(particles.shape[0]):
        if seconds[case] > 0.0:
            move_row(particles[case], seconds[case], seeds[case], walk_at(walks, walk[case]), s)
