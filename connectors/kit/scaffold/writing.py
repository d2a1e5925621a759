"""Fills the templates; a file that is there is never touched."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from string import Template

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.ladder.checking import RULES
from connectors.kit.reading.json_records import record_from_json, record_to_json
from connectors.kit.scaffold.kinds import KINDS, Kind
from schemas.camera_assignment import CameraAssignment

SCAFFOLD_KINDS = (*KINDS, "sink")
# Titles stand in docstrings, which have 120 characters.
TITLE_CHARACTERS_MAX = 60
_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")
# Rules of the suite beyond those that every card must speak of.
_SOURCE_RULES = (
    "updates", "late-updates", "axis-order", "outside-city", "default-points-recognised", "impossible-places",
    "clock-skew-handled", "unknown-codes", "encodings", "nulls", "schema-changes", "exercises-are-marked",
    "produce-failures", "delivery-guarantee", "examples",
)  # fmt: skip
_SINK_RULES = ("idempotent", "retries", "resumes-after-restart", "nothing-lost", "secrets-unseen", "examples")
_SINK_EXEMPT = (
    ("pseudonyms", "An assignment holds pseudonyms at most, and the call carries none."),
    ("stable-ids", "A sink makes no events; its calls carry the ids of those it takes."),
)
_IMPORT = re.compile(r"from (connectors|schemas|tests)[.\w]* import |import connectors")


def scaffold(name: str, kind: str, root: Path, *, title: str = "") -> list[Path]:
    """Write a new connector and return the files, relative to the root.

    Args:
        name: name of its folder: lower-case letters, digits and ``_``.
        kind: one of :data:`SCAFFOLD_KINDS`.
        root: the checkout.
        title: name for people; made of ``name`` where empty.

    Raises:
        ConnectorConfigError: the name cannot be, or one of the files is there.
    """
    if not _NAME.fullmatch(name):
        raise ConnectorConfigError(f"a connector's name must be lower-case letters, digits and '_', got {name!r}")
    if len(title) > TITLE_CHARACTERS_MAX or not title.isprintable() or set(title) & set('"\\$'):
        rule = f"at most {TITLE_CHARACTERS_MAX} characters without quotes, backslashes and dollar signs"
        raise ConnectorConfigError(f"title must have {rule}")
    if kind not in SCAFFOLD_KINDS:
        raise ConnectorConfigError(f"kind must be one of {', '.join(SCAFFOLD_KINDS)}, got {kind!r}")
    files = dict(_files(name, kind, title or name.replace("_", " ").capitalize()))
    there = [path for path in files if (root / path).exists()]
    if there:
        raise ConnectorConfigError(f"{there[0]} is there already; nothing was written")
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return [Path(path) for path in files]


def _files(name: str, kind: str, title: str) -> Iterator[tuple[str, str]]:
    folder, tests = f"connectors/{name}", f"tests/connectors/{name}"
    values = {
        "name": name,
        "title": title,
        "cls": "".join(word.capitalize() for word in name.split("_")),
        "env": name.upper(),
        "instance": name.replace("_", "-"),
    }
    yield f"{tests}/__init__.py", ""
    if kind == "sink":
        values["rules"] = _card((*RULES, *_SINK_RULES), _SINK_EXEMPT)
        yield f"{folder}/__init__.py", _filled("init_sink.py", values)
        yield f"{folder}/manifest.toml", _filled("manifest_sink.toml", values)
        yield f"{folder}/examples/released.json", _released()
        yield f"{folder}/parse.py", _filled("parse_sink.py", values)
        yield f"{folder}/sink.py", _filled("sink.py", values)
        yield f"{tests}/test_sink.py", _filled("test_sink.py", values)
        yield f"docs/connectors/{name}.md", _filled("page_sink.md", values)
    else:
        values |= _of_kind(kind, KINDS[kind], values)
        yield f"{folder}/__init__.py", _filled("init_source.py", values)
        yield f"{folder}/manifest.toml", _filled("manifest_source.toml", values)
        parse = _filled("parse_head.py", values) + _filled(f"parse_{kind}.py", values)
        yield f"{folder}/parse.py", parse
        yield f"{folder}/source.py", _filled("source.py", values)
        yield f"{tests}/test_source.py", _filled("test_source.py", values)
        yield f"docs/connectors/{name}.md", _filled("page_source.md", values)
    yield f"{folder}/quality.toml", _filled("quality.toml", values)


def _of_kind(name: str, kind: Kind, values: Mapping[str, str]) -> dict[str, str]:
    person = kind.of_persons
    return {
        "kind": name,
        "topics": json.dumps(kind.topic_name),
        "topic": kind.topic,
        "record": kind.record,
        "record_word": kind.words,
        "record_words": kind.words + ("es" if kind.words.endswith("x") else "s"),
        "imports": kind.imports,
        "constants": kind.constants,
        "usual": kind.usual,
        "pseudonyms": "true" if person else "false",
        "person_rule": "\n            pseudonyms=context.pseudonyms," if person else "",
        "person_doc": "\n        pseudonyms: turns ids of people into keyed pseudonyms." if person else "",
        "person_field": "\n    pseudonyms: Pseudonyms" if person else "",
        "rules": _card((*RULES, *_SOURCE_RULES), kind.exempt),
        "examples": _examples(kind, values),
        "golden_import": _GOLDEN_IMPORT if name == "incidents" else "",
        "golden": _golden(values["name"]) if name == "incidents" else "",
    }


def _examples(kind: Kind, values: Mapping[str, str]) -> str:
    item = {
        "id": "17", "person": "7731", "time": "2026-03-01T02:50:00Z", "lat": 37.5665, "lon": 126.978,
        "type": kind.usual, "state": "open",
    }  # fmt: skip
    lacking = {name: value for name, value in item.items() if name != kind.refused}
    options = f'options = {{ token_env = "{values["env"]}_TOKEN" }}'
    good = f'events = [ {{ topic = "{kind.topic_name}", record = {{ {kind.expected} }} }} ]'
    bad = f'events = [ {{ topic = "{kind.topic_name}", refused = "missing-field", field = "{kind.refused}" }} ]'
    return (
        f"[[examples]]\ntitle = \"a usual item\"\n{options}\ninput = '{json.dumps(item)}'\n{good}\n\n"
        f"[[examples]]\ntitle = \"an item without {kind.refused}\"\n{options}\ninput = '{json.dumps(lacking)}'\n{bad}"
    )


_GOLDEN_IMPORT = "\nfrom tests.support.golden import assignments_for, entries_of"


def _golden(name: str) -> str:
    return f'''

def test_an_item_of_the_feed_becomes_an_assignment_of_cameras() -> None:
    entries = entries_of("{name}", item(Happening()), options=OPTIONS)

    (assignment,) = assignments_for(entries)

    assert assignment.status == "active"
    assert assignment.cameras
'''


def _card(rules: tuple[str, ...], exempt: tuple[tuple[str, str], ...]) -> str:
    reasons = dict(exempt)
    return "\n\n".join(
        f'[rules.{rule}]\nstatus = "exempt"\nreason = "{reasons[rule]}"'
        if rule in reasons
        else f'[rules.{rule}]\nstatus = "done"'
        for rule in rules
    )


def _released() -> str:
    """Return a released assignment as JSON, made of the newest published example."""
    folder = resources.files("schemas") / "published" / "CameraAssignment"
    examples = [path for path in folder.iterdir() if path.name.endswith(".example.json")]
    newest = max(examples, key=lambda path: int(path.name.removeprefix("v").partition(".")[0]))
    record = record_from_json(CameraAssignment, json.loads(newest.read_text("utf-8")))
    event_id = f"112:17/{record.opened_us}/2"
    over = replace(record, case_id="112:17", version=2, event_id=event_id, status="released", reason="closed")
    let_go = tuple(camera.camera_id for camera in record.cameras)
    ended = replace(over, where=None, cameras=(), added=(), kept=(), released=let_go, runner_up=(), p_view=None)
    return json.dumps(record_to_json(ended), ensure_ascii=False, indent=2) + "\n"


def _filled(template: str, values: Mapping[str, str]) -> str:
    path = resources.files("connectors.kit.scaffold") / "templates" / f"{template}.tmpl"
    text = Template(path.read_text("utf-8")).substitute(values)
    text = "\n".join(line.rstrip() for line in text.splitlines()).rstrip() + "\n"
    return _sorted_imports(text) if template.endswith(".py") else text


def _sorted_imports(text: str) -> str:
    """Return the text with each run of imports from this project in order, whatever the connector is called."""
    lines: list[str] = []
    run: list[str] = []
    for line in [*text.split("\n"), ""]:
        if _IMPORT.match(line):
            run.append(line)
            continue
        lines += sorted(run, key=lambda text: (text.startswith("from"), text.split()[1]))
        run = []
        lines.append(line)
    return "\n".join(lines[:-1])
