"""A trial on a live system hears what comes, writes nothing, and takes nothing from the real run."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import aiomqtt
import pytest
from aiohttp import web
from click.testing import CliRunner

from connectors.kit.errors import SourceUnavailableError
from connectors.kit.ladder.trying import Heard, dry_run, listen
from connectors.kit.manifest import build
from connectors.kit.source import Accepted
from connectors.kit.transports.mqtt import MqttLink
from console.commands import goldentime
from tests.connectors.local_context import a_context
from tests.connectors.police_112.test_suite import file
from tests.support.connector_suite import Happening
from tests.support.connector_suite.happenings import PERSON_NAME, PERSON_PHONE
from tests.support.loopback import served
from tests.support.mosquitto_server import mosquitto_binary, running_mosquitto

TRIAL = replace(a_context(), is_trial=True)
BEARER = {"Authorization": "Bearer open sesame"}


def fix(number: int, **more: Any) -> dict[str, Any]:
    return {"tracker": f"T-{number}", "type": "fix", "time": 1_772_333_000, "lat": 37.5, "lon": 127.0, **more}


async def pushed(bodies: list[dict[str, Any]], most: int) -> tuple[Heard, list[int]]:
    """Return what a trial hears of bodies that are pushed, and what their sender is answered."""
    options = {"listen": "127.0.0.1:0", "token_env": "SUITE_TOKEN", "answer_within_s": 5}
    source = build("tracker_push", options, TRIAL)
    hearing = asyncio.create_task(listen(source, options, most=most, within_s=5))
    statuses = []
    async with aiohttp.ClientSession(headers=BEARER) as session:
        while (port := TRIAL.listeners.port_of("127.0.0.1", 0)) is None:
            await asyncio.sleep(0.001)
        for body in bodies:
            async with session.post(f"http://127.0.0.1:{port}/in/tracker_push", json=body) as answer:
                statuses.append(answer.status)
    return await hearing, statuses


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUITE_TOKEN", "open sesame")


async def test_a_sender_hears_at_once_that_it_must_send_again() -> None:
    heard, statuses = await pushed([fix(1), fix(1), fix(2)], most=2)

    assert statuses == [503, 503, 503]
    assert [len(sample.entries) for sample in heard.samples] == [1, 1]
    assert heard.repeats == 1


async def test_what_is_polled_is_looked_at_once() -> None:
    looks: list[str] = []

    async def show(request: web.BaseRequest) -> web.Response:
        looks.append(request.path)
        return web.json_response([fix(1), fix(2, type="fixx")])

    async with served(show) as url:
        options = {"transport": "http-poll", "url": url + "/feed", "interval_s": 0.01}
        heard = await listen(build("tracker_push", options, TRIAL), options, most=20, within_s=5)
        entries = await dry_run(build("tracker_push", options, TRIAL), most=20, within_s=5)

    assert looks == ["/feed", "/feed"]
    assert [isinstance(entry, Accepted) for sample in heard.samples for entry in sample.entries] == [True, False]
    assert len(entries) == 2


async def test_a_system_that_does_not_answer_is_no_silence() -> None:
    options = {"transport": "http-poll", "url": "http://127.0.0.1:9/feed"}

    with pytest.raises(SourceUnavailableError):
        await listen(build("tracker_push", options, TRIAL), options, most=1, within_s=5)


async def test_dropped_files_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(file([Happening(number=str(n)) for n in range(9)]))
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    options = {"path": str(tmp_path)}

    heard = await listen(build("police_112", options, TRIAL), options, most=4, within_s=5)

    assert [len(sample.entries) for sample in heard.samples] == [4]
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_trial_subscribes_under_a_name_of_its_own_and_takes_no_share() -> None:
    options = {"transport": "mqtt", "host": "mqtt.example", "topic_filters": "$share/real/trackers/+,other/#"}
    seen: list[tuple[Any, bool]] = []

    def session(config: Any, keep: bool) -> Any:
        seen.append((config, keep))
        raise aiomqtt.MqttError("enough")

    for context in (TRIAL, a_context()):
        source: Any = build("tracker_push", options, context)
        link = MqttLink(source._transport, source, context, open_session=session)
        with pytest.raises(aiomqtt.MqttError):
            asyncio.run(anext(link.entries(None)))

    (trial, kept_by_trial), (real, kept) = seen
    assert (trial.client_id, kept_by_trial) == (f"{real.client_id}-trial", False)
    assert trial.topic_filters == ("trackers/+", "other/#")
    assert (real.topic_filters, kept) == (("$share/real/trackers/+", "other/#"), True)


@pytest.mark.slow
@pytest.mark.mosquitto
@pytest.mark.skipif(mosquitto_binary() is None, reason="mosquitto is not installed")
async def test_a_trial_hears_many_messages_and_the_real_session_still_has_them_all(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path / "mosquitto") as server:
        filters = {"topic_filters": "trackers/+"}
        options = {"transport": "mqtt", "host": "127.0.0.1", "port": server.port, **filters}
        await asyncio.wait_for(dry_run(build("tracker_push", options, a_context()), most=1, within_s=1), 10)
        trial = build("tracker_push", options, TRIAL)
        hearing = asyncio.create_task(listen(trial, options, most=50, within_s=20))
        async with asyncio.timeout(20):
            while not getattr(trial, "is_connected", False):
                await asyncio.sleep(0.01)
            async with aiomqtt.Client("127.0.0.1", server.port) as client:
                for number in range(50):
                    await client.publish("trackers/a", json.dumps(fix(number)).encode(), qos=1)
            heard = await hearing

        real: Any = build("tracker_push", options, a_context())
        stream, still = real.entries(None), set[str]()
        async with asyncio.timeout(20):
            while len(still) < 50:
                entry = await anext(stream)
                still.add(entry.record.event_id)
                real.acknowledged(entry.cursor)
        await stream.aclose()

    assert len(heard.samples) == 50
    assert still == {entry.record.event_id for sample in heard.samples for entry in sample.entries}  # type: ignore[union-attr]


def test_the_command_validates_a_live_source_and_shows_no_person(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(file([Happening(number=str(n)) for n in range(9)]))
    bad.write_bytes(file([Happening(lat=126.978, lon=37.5665)]).replace(b"EVT_CL_CD", b"EVT_CLS_CD"))
    run = CliRunner().invoke
    live = ["connect", "validate", "police_112", "--live", "--for", "2s"]

    fits = run(goldentime, [*live, "-n", "3", "-o", f"path={good}", "--json"])
    faulty = run(goldentime, [*live, "-o", f"path={bad}"])
    silent = run(goldentime, [*live[:-1], "0.05s", "-o", f"path={tmp_path / 'none'}"])

    assert fits.exit_code == 0
    assert json.loads(fits.output)["accepted"] == {"incidents": 3}
    assert faulty.exit_code == 1
    assert 'did you mean "EVT_CLS_CD"?' in faulty.output
    assert silent.exit_code == 1
    assert all(word not in fits.output + faulty.output for word in (PERSON_NAME, PERSON_PHONE))


def test_a_name_is_an_instance_of_the_city_or_a_kind_and_a_slip_is_told() -> None:
    run = CliRunner().invoke

    neither = run(goldentime, ["connect", "validate", "police_112"])
    slip = run(goldentime, ["connect", "validate", "polise_112", "--live"])
    instance = run(goldentime, ["--city", "demo", "connect", "validate", "demo-112", "--live", "--for", "0.05s"])

    assert (neither.exit_code, "--file FILE or --live" in neither.output) == (2, True)
    assert "did you mean police_112?" in slip.output
    assert instance.exit_code == 1
