"""112 and 119 files through the runner onto a broker: every row is a record or a dead letter, also over a stop."""

import asyncio

from connectors.kit.manifest import build
from connectors.kit.running.cursors import KafkaCursors
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.incident import Incident
from schemas.topics import INCIDENTS, dead_letters_of
from tests.connectors.helpers import read_topic
from tests.connectors.local_context import a_context

CALLS = "RECV_NO,RECV_CPLT_DT,RECV_CPLT_TM,RECV_EMG_CD,EVT_STAT_CD,EVT_CL_CD,END_CD,RPTER_SEX,HPPN_X,HPPN_Y"
DISPATCHES = "OBJT_ID,STTE_DT,STTE_LC,EMG_TY_NM1,EMG_TY_NM2,PROGRS_STN,X,Y"


def write_calls(folder, name, first, last):
    folder.mkdir(exist_ok=True)
    rows = [f"{n},20260301,{n},C1,2,102,,2,126.978,37.5665" for n in range(first, last)]
    rows[1] = "김영희,010-1234-5678"
    rows[2] = "x,never,never,C1,2,김영희,,2,126.978,37.5665"
    (folder / name).write_bytes("\n".join([CALLS, *rows, ""]).encode("cp949"))


async def run(settings, name, kind, path):
    job = SourceJob(name=name, kind=kind, source=build(kind, {"path": str(path), "once": True}, a_context()))
    async with Publisher(settings) as publisher, asyncio.timeout(60):
        return await run_source(job, publisher, KafkaCursors(settings, publisher), asyncio.Event())


async def test_every_row_of_both_systems_is_answered_once(city, tmp_path):
    write_calls(tmp_path / "112", "0301.csv", 0, 100)
    (tmp_path / "119").mkdir()
    (tmp_path / "119" / "0301.csv").write_text(
        f"{DISPATCHES}\n7,20260301115900,적선동 80,화재,건물,1차출동,126.9725,37.574\n?,?,?,?,?,?,?,?\n",
        encoding="utf-8",
    )

    police = await run(city, "112-seoul", "police_112", tmp_path / "112")
    fire = await run(city, "119-seoul", "fire_119", tmp_path / "119")

    assert (police.accepted, police.refused) == (98, 2)
    assert (fire.accepted, fire.refused) == (1, 1)
    incidents = [decode(Incident, record.value) for record in read_topic(city, INCIDENTS, 99)]
    letters = [decode(DeadLetter, record.value) for record in read_topic(city, dead_letters_of(INCIDENTS), 3)]
    assert (len(incidents), len(letters)) == (99, 3)
    assert {incident.kind for incident in incidents} == {"robbery", "structure-fire"}
    assert {letter.reason for letter in letters} == {"wrong-column-count", "not-a-call", "not-a-dispatch"}
    assert "김영희" not in repr(letters)


async def test_a_second_run_reads_only_what_is_new(city, tmp_path):
    write_calls(tmp_path / "112", "0301.csv", 0, 50)
    await run(city, "112-seoul", "police_112", tmp_path / "112")
    write_calls(tmp_path / "112", "0302.csv", 50, 90)

    second = await run(city, "112-seoul", "police_112", tmp_path / "112")

    assert (second.accepted, second.refused) == (38, 2)
    ids = [decode(Incident, record.value).incident_id for record in read_topic(city, INCIDENTS, 86)]
    assert len(ids) == len(set(ids)) == 86
