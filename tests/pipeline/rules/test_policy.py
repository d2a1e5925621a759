"""A city's numbers are read with their limits; whatever is wrong is named: file, table, field, rule, what was got."""

import copy
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PolicyError
from pipeline.rules.policy import MAX_CAP, Policy, policy_from
from pipeline.rules.policy_fields import PolicyFields
from tests.pipeline.engine_runs import CITIES

FILES: dict[str, Any] = {
    name: tomllib.loads((CITIES / "demo" / f"{name}.toml").read_text("utf-8"))
    for name in ("policy", "ranks", "purposes", "agencies")
}
MISSING = object()


def policy_changed(file: str, path: str, value: Any) -> Policy:
    """Return the demo city's policy with one field of one file set, or taken out; the path is dotted."""
    files = copy.deepcopy(FILES)
    *way, name = path.split(".")
    table: Any = files[file]
    for part in way:
        table = table[int(part)] if part.isdigit() else table[part]
    if value is MISSING:
        del table[name]
    else:
        table[name] = value
    return policy_from(**files)


def test_the_files_become_one_value_with_every_number() -> None:
    policy = policy_from(**FILES)
    assert policy.version == "demo-1"
    assert policy.search.rings_m == (150.0, 300.0, 500.0)
    assert policy.selection.cameras_by_rank == (8, 6, 4, 4, 0)
    assert policy.view.zoom_fields_deg == (60.0, 30.0, 12.0)
    assert policy.lease.lease_s_by_rank == (600.0, 900.0, 900.0, 900.0, 600.0)
    assert policy.movement.clock_skew_s == 300.0
    assert policy.recipients[0].name == "demo-112:control-room"
    assert (policy.exercise_cameras, policy.exercise_recipients) == (True, ("demo-training:exercise",))


def test_reading_the_same_files_twice_gives_equal_policies() -> None:
    assert policy_from(**FILES) == policy_from(**copy.deepcopy(FILES))


WRONG_VALUES = [
    ("policy", "version", MISSING, r"policy\.toml: version is missing"),
    ("policy", "version", "  ", r"policy\.toml: version must be a text, got '  '"),
    ("policy", "search", MISSING, r"policy\.toml: search is missing"),
    ("policy", "search", 3, r"policy\.toml: search must be a table, got 3"),
    ("policy", "search.rings_m", [], r"policy\.toml \[search\]: rings_m must be a list with at least one member"),
    ("policy", "search.rings_m", [150, "far"], r"\[search\]: rings_m\[1\] must be a number, got 'far'"),
    ("policy", "search.rings_m", [5], r"\[search\]: rings_m\[0\] must be from 10 to 5000, got 5"),
    ("policy", "search.rings_m", [300, 150], r"\[search\]: rings_m must grow from ring to ring, got \[300.0, 150.0\]"),
    ("policy", "search.rings_m", [150, 150], r"\[search\]: rings_m must grow from ring to ring"),
    ("policy", "search.enough_sites", 1.5, r"\[search\]: enough_sites must be a whole number, got 1.5"),
    ("policy", "search.enough_sites", True, r"\[search\]: enough_sites must be a number, got True"),
    ("policy", "view.weak_view", 1.01, r"\[view\]: weak_view must be from 0 to 1, got 1.01"),
    ("policy", "view.clutter_scale_m", float("nan"), r"\[view\]: clutter_scale_m must be a number, got nan"),
    ("policy", "view.zoom_fields_deg", 60, r"\[view\]: zoom_fields_deg must be a list .* got 60"),
    ("policy", "selection.cap", MAX_CAP + 1, r"\[selection\]: cap must be from 1 to 16, got 17"),
    ("policy", "selection.cameras_by_rank", [8, 6], r"\[selection\]: cameras_by_rank must have 5 members, .* got 2"),
    (
        "policy",
        "selection.cameras_by_rank",
        [8, 6.5, 4, 4, 0],
        r"\[selection\]: cameras_by_rank\[1\] must be a whole number, got 6.5",
    ),
    ("policy", "movement.max_speed_mps", float("inf"), r"\[movement\]: max_speed_mps must be a number, got inf"),
    ("policy", "movement.refresh_s", "60", r"\[movement\]: refresh_s must be a number, got '60'"),
    ("policy", "lease.lease_s_by_rank", [600, 1, 1, 1, 1], r"\[lease\]: lease_s_by_rank\[1\] must be from 30 to 86400"),
    ("policy", "lease.renew_share", 0, r"\[lease\]: renew_share must be from 0.05 to 0.9, got 0"),
    ("ranks", "default_rank", 5, r"ranks\.toml: default_rank must be from 0 to 4, got 5"),
    ("ranks", "rule", {}, r"ranks\.toml: rule must be an array of tables \(\[\[rule\]\]\)"),
    ("ranks", "rule.1.rank", MISSING, r"ranks\.toml \[\[rule\]\] 2: rank is missing"),
    ("ranks", "rule.0.services", "police", r"ranks\.toml \[\[rule\]\] 1: services must be a list of texts"),
    (
        "ranks",
        "rule.0.services",
        ["polcie"],
        r"ranks\.toml \[\[rule\]\] 1: services must be of police, .* got 'polcie'",
    ),
    ("ranks", "rule.0.kinds", ["fire", 7], r"ranks\.toml \[\[rule\]\] 1: kinds\[1\] must be a text, got 7"),
    ("ranks", "rule.0.with_hazard", "yes", r"\[\[rule\]\] 1: with_hazard must be true or false, got 'yes'"),
    ("purposes", "rule.0.decision", "ask", r"purposes\.toml \[\[rule\]\] 1: decision must be one of allow, deny"),
    ("purposes", "rule.0.reason", MISSING, r"purposes\.toml \[\[rule\]\] 1: reason is missing"),
    ("purposes", "rule.1.legal_basis", MISSING, r"purposes\.toml \[\[rule\]\] 2: legal_basis is missing"),
    ("purposes", "rule.1.camera_purposes", MISSING, r"\[\[rule\]\] 2: camera_purposes is missing; write \['any'\]"),
    ("purposes", "rule.1.camera_purposes", ["spying"], r"camera_purposes must be 'any' or of .* got 'spying'"),
    ("purposes", "rule.1.services", ["plice"], r"purposes\.toml \[\[rule\]\] 2: services must be of .* got 'plice'"),
    ("agencies", "exercise", MISSING, r"agencies\.toml: exercise is missing"),
    ("agencies", "exercise.cameras", 1, r"agencies\.toml \[exercise\]: cameras must be true or false, got 1"),
    ("agencies", "recipient.0.agency", MISSING, r"agencies\.toml \[\[recipient\]\] 1: agency is missing"),
    ("agencies", "recipient.1.services", ["navy"], r"\[\[recipient\]\] 2: services must be of .* got 'navy'"),
]


@pytest.mark.parametrize(("file", "path", "value", "message"), WRONG_VALUES)
def test_a_wrong_value_is_refused_with_its_file_table_field_and_rule(
    file: str, path: str, value: Any, message: str
) -> None:
    with pytest.raises(PolicyError, match=message):
        policy_changed(file, path, value)


@pytest.mark.parametrize(
    ("file", "path", "message"),
    [
        (
            "policy",
            "vresion",
            r"policy\.toml: unknown field vresion; known: belief, conditions, lease, movement, ptz, search",
        ),
        ("policy", "search.ring_m", r"policy\.toml \[search\]: unknown field ring_m; known: enough_sites, rings_m"),
        ("policy", "view.fov", r"policy\.toml \[view\]: unknown field fov"),
        ("policy", "selection.count", r"policy\.toml \[selection\]: unknown field count"),
        ("policy", "movement.speed", r"policy\.toml \[movement\]: unknown field speed"),
        ("policy", "lease.days", r"policy\.toml \[lease\]: unknown field days"),
        ("ranks", "defualt_rank", r"ranks\.toml: unknown field defualt_rank"),
        ("ranks", "rule.3.kind", r"ranks\.toml \[\[rule\]\] 4: unknown field kind; known: kinds"),
        ("purposes", "rules", r"purposes\.toml: unknown field rules; known: rule"),
        ("purposes", "rule.0.legal_basis", r"purposes\.toml \[\[rule\]\] 1: unknown field legal_basis"),
        ("agencies", "recipients", r"agencies\.toml: unknown field recipients"),
        ("agencies", "recipient.0.masked", r"agencies\.toml \[\[recipient\]\] 1: unknown field masked"),
        ("agencies", "exercise.camera", r"agencies\.toml \[exercise\]: unknown field camera"),
    ],
)
def test_a_field_that_nobody_knows_is_refused_by_name(file: str, path: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        policy_changed(file, path, "x")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("movement.update_distance_m", 19, r"update_distance_m must not be below reselect_distance_m"),
        ("lease.max_case_s", 899, r"max_case_s must not be below the longest lease"),
        ("selection.cameras_by_rank", [8, 6, 4, 4, 1], r"cameras_by_rank\[4\] must be 0, the rank without cameras"),
    ],
)
def test_numbers_that_make_no_sense_together_are_refused(path: str, value: Any, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        policy_changed("policy", path, value)


@pytest.mark.parametrize("path", ["update_distance_m", "reselect_distance_m"])
def test_related_numbers_may_be_equal(path: str) -> None:
    other = FILES["policy"]["movement"]["reselect_distance_m" if path == "update_distance_m" else "update_distance_m"]
    move = policy_changed("policy", f"movement.{path}", other).movement
    assert move.update_distance_m == move.reselect_distance_m


@given(st.floats() | st.integers())
def test_a_number_is_taken_exactly_when_it_lies_within_its_bounds(value: float) -> None:
    fields = PolicyFields("x.toml [y]", {"z": value})
    if 1 <= value <= 7:
        assert fields.number("z", 1, 7) == value
    else:
        with pytest.raises(PolicyError, match=r"x\.toml \[y\]: z must be"):
            fields.number("z", 1, 7)


def test_a_list_may_be_left_out_and_a_flag_is_false_then() -> None:
    fields = PolicyFields("x.toml", {"other": 1})
    assert fields.texts("names") == ()
    assert fields.flag("on") is False
    assert fields.tables("rule") == []
    assert (fields.has("other"), fields.has("names")) == (True, False)
    with pytest.raises(PolicyError, match="unknown field other; known: names, on, rule"):
        fields.done()
