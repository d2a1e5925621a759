"""The OwnTracks source on a real mosquitto: login, TLS, outages, and no message lost or answered twice for long."""

import asyncio
import datetime
import ipaddress
import json
from contextlib import aclosing

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.kit.errors import SourceUnavailableError
from connectors.kit.source import Refused
from connectors.owntracks.config import Config
from connectors.owntracks.source import OwntracksSource
from schemas.topics import TRACKER_FIXES, WANDERING_ALERTS
from tests.connectors.local_context import NOON_US, a_context
from tests.support.mosquitto_server import mosquitto_binary, running_mosquitto

pytestmark = [
    pytest.mark.slow,
    pytest.mark.mosquitto,
    pytest.mark.skipif(mosquitto_binary() is None, reason="mosquitto is not installed"),
]

NOON_S = NOON_US // 1_000_000
LIMIT_S = 20.0


@pytest.fixture
def mosquitto(tmp_path):
    with running_mosquitto(tmp_path / "mosquitto") as server:
        yield server


def a_source(server, **options):
    return OwntracksSource(Config.from_options({"host": "127.0.0.1", "port": server.port} | options), a_context())


def a_fix(number):
    return {
        "_type": "location",
        "lat": 37.5 + number / 10_000,
        "lon": 126.978,
        "tst": NOON_S - 10_000 + number,
        "acc": 9,
    }


async def send(server, *bodies, topic="owntracks/kim/watch", **login):
    async with aiomqtt.Client("127.0.0.1", server.port, **login) as client:
        for body in bodies:
            payload = body if isinstance(body, bytes) else json.dumps(body).encode()
            await client.publish(topic, payload, qos=1)


async def take(source, count, *, confirm=False):
    """Return the next entries of a fresh subscription, telling the source that they are published if asked to."""
    entries = []
    async with asyncio.timeout(LIMIT_S), aclosing(source.entries(None)) as stream:
        async for entry in stream:
            entries.append(entry)
            if confirm:
                source.acknowledged(entry.cursor)
            if len(entries) == count:
                break
    return entries


async def subscribed(source):
    """Make the source's session known to the broker, so that it keeps what comes from now on."""
    reading = asyncio.create_task(take(source, 1))
    async with asyncio.timeout(LIMIT_S):
        while not source.is_connected:
            await asyncio.wait({reading}, timeout=0.01)
            assert not reading.done(), reading.exception()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


def lats(entries):
    return [round(entry.record.location.lat_deg, 4) for entry in entries]


async def test_fixes_and_alerts_arrive_and_bad_messages_are_answered(mosquitto):
    source = a_source(mosquitto)
    await subscribed(source)
    await send(mosquitto, a_fix(1), b"{broken", {"_type": "location"}, a_fix(2) | {"alert": "sos"})
    await send(mosquitto, {"_type": "waypoint", "desc": "Kim home"}, {"_type": "lwt", "tst": NOON_S})
    await send(mosquitto, a_fix(3) | {"_type": "transition", "event": "leave"}, topic="owntracks/kim/watch/event")

    entries = await take(source, 6)

    fix, broken, incomplete, sos, no_contact, exit_alert = entries
    assert fix.topic is TRACKER_FIXES
    assert [entry.reason for entry in (broken, incomplete) if isinstance(entry, Refused)] == [
        "broken-json",
        "missing-field",
    ]
    assert [entry.record.kind for entry in (sos, no_contact, exit_alert)] == ["sos", "no-contact", "safe-zone-exit"]
    assert {entry.topic for entry in (sos, no_contact, exit_alert)} == {WANDERING_ALERTS}
    assert len({entry.record.case_id for entry in (fix, sos, no_contact, exit_alert)}) == 1
    assert "kim" not in repr(entries)


async def test_what_is_sent_while_the_connector_is_down_is_delivered(mosquitto):
    source = a_source(mosquitto)
    await subscribed(source)

    await send(mosquitto, *(a_fix(n) for n in range(1, 51)))

    assert lats(await take(source, 50, confirm=True)) == [round(37.5 + n / 10_000, 4) for n in range(1, 51)]


async def test_without_word_that_they_are_published_only_as_many_come_as_the_broker_sends_ahead(mosquitto):
    source = a_source(mosquitto)
    await subscribed(source)
    await send(mosquitto, *(a_fix(n) for n in range(1, 51)))

    async with asyncio.timeout(LIMIT_S), aclosing(source.entries(None)) as stream:
        ahead = [await anext(stream) for _ in range(20)]  # mosquitto's max_inflight_messages
        waiting = asyncio.ensure_future(anext(stream))
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert not done
        source.acknowledged(ahead[-1].cursor)

        assert lats([await waiting]) == [37.5021]


async def test_what_is_acknowledged_when_handed_over_comes_without_any_word_and_only_once(mosquitto):
    options = {"acknowledge": "handed-over"}
    source = a_source(mosquitto, **options)
    await subscribed(source)
    await send(mosquitto, *(a_fix(n) for n in range(1, 51)))

    first = await take(source, 50)
    await send(mosquitto, a_fix(51))
    after = await take(a_source(mosquitto, **options), 2)

    assert lats(first) == [round(37.5 + n / 10_000, 4) for n in range(1, 51)]
    assert lats(after) == [37.5050, 37.5051]  # the last one, after which nobody asked for more, comes again


async def test_what_was_handed_on_but_not_published_is_sent_again(mosquitto):
    source = a_source(mosquitto)
    await subscribed(source)
    await send(mosquitto, *(a_fix(n) for n in range(1, 6)))

    first = await take(source, 5)  # and the connector dies before any is published
    again = await take(a_source(mosquitto), 5, confirm=True)
    await send(mosquitto, a_fix(9))
    after = await take(a_source(mosquitto), 1, confirm=True)

    assert [entry.record.event_id for entry in first] == [entry.record.event_id for entry in again]
    assert lats(after) == [37.5009]


async def test_only_the_unpublished_rest_is_sent_again(mosquitto):
    source = a_source(mosquitto)
    await subscribed(source)
    await send(mosquitto, *(a_fix(n) for n in range(1, 6)))

    async with asyncio.timeout(LIMIT_S), aclosing(source.entries(None)) as stream:
        cursors = [(await anext(stream)).cursor for _ in range(5)]
        source.acknowledged(cursors[2])  # the first three stand in Kafka
        await send(mosquitto, a_fix(6))
        await anext(stream)  # the broker has heard of it: acknowledgements go out before this arrives

    assert lats(await take(a_source(mosquitto), 3, confirm=True)) == [37.5004, 37.5005, 37.5006]


async def test_hundreds_in_a_row_pass_through_the_brokers_small_window(mosquitto):
    source = a_source(mosquitto)
    await subscribed(source)
    sending = asyncio.create_task(send(mosquitto, *(a_fix(n) for n in range(1, 501))))

    entries = await take(source, 500, confirm=True)
    await sending

    assert lats(entries) == [round(37.5 + n / 10_000, 4) for n in range(1, 501)]


async def test_a_broker_restart_is_an_outage_after_which_nothing_is_missing(mosquitto):
    source = a_source(mosquitto)
    await subscribed(source)
    reading = asyncio.create_task(take(source, 10_000))
    await send(mosquitto, a_fix(1))
    async with asyncio.timeout(LIMIT_S):
        while source._link._number < 1:
            await asyncio.sleep(0.01)
    mosquitto.stop()
    with pytest.raises(SourceUnavailableError, match="MQTT broker"):
        await reading
    with pytest.raises(SourceUnavailableError, match="MQTT broker"):
        await take(source, 1)  # still away

    mosquitto.start()
    await send(mosquitto, a_fix(2))
    mosquitto.stop()  # with a message that nobody has fetched yet
    mosquitto.start()
    await send(mosquitto, a_fix(3))

    seen = set()
    async with asyncio.timeout(LIMIT_S), aclosing(source.entries(None)) as stream:
        while not seen >= {37.5002, 37.5003}:
            seen.update(lats([await anext(stream)]))
    assert seen <= {37.5001, 37.5002, 37.5003}


async def test_a_stop_ends_the_subscription_within_two_seconds(mosquitto):
    source = a_source(mosquitto)
    await subscribed(source)
    reading = asyncio.create_task(take(source, 1))
    async with asyncio.timeout(LIMIT_S):
        while not source.is_connected:
            await asyncio.sleep(0.01)

    reading.cancel()
    async with asyncio.timeout(2):
        await asyncio.gather(reading, return_exceptions=True)

    assert reading.cancelled()
    assert not source.is_connected


async def test_login_with_a_password_and_without(tmp_path):
    (tmp_path / "password").write_text("gil-dong\n")
    (tmp_path / "wrong").write_text("guess\n")
    with running_mosquitto(tmp_path / "mosquitto", users={"goldentime": "gil-dong"}) as server:
        login = {"username": "goldentime", "password": "gil-dong"}
        source = a_source(server, username="goldentime", password_file=str(tmp_path / "password"))
        taking = asyncio.create_task(take(source, 1))
        async with asyncio.timeout(LIMIT_S):
            while not taking.done():
                await send(server, a_fix(1), **login)
                await asyncio.wait({taking}, timeout=0.2)
        assert lats(await taking) == [37.5001]

        for options in ({}, {"username": "goldentime", "password_file": str(tmp_path / "wrong")}):
            with pytest.raises(SourceUnavailableError, match=r"(?i)not authori[sz]ed") as refusal:
                await take(a_source(server, client_id="another", **options), 1)
            assert "guess" not in str(refusal.value)


def write_certificate(folder):
    """Write a certificate for 127.0.0.1 that signs itself, valid for a day around now, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.fromtimestamp(folder.stat().st_mtime, datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


# paho leaves the socket of a failed handshake to the garbage collector, which says so.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
async def test_the_connection_can_be_encrypted_and_an_unknown_broker_is_refused(tmp_path):
    write_certificate(tmp_path)
    extra = (f"certfile {tmp_path}/server.pem", f"keyfile {tmp_path}/server.key")
    with running_mosquitto(tmp_path / "mosquitto", extra=extra) as server:
        tls = {"tls": True, "ca_file": str(tmp_path / "server.pem")}
        trusted = aiomqtt.TLSParameters(ca_certs=str(tmp_path / "server.pem"))
        source = a_source(server, **tls)
        taking = asyncio.create_task(take(source, 1))
        async with asyncio.timeout(LIMIT_S):
            while not taking.done():
                await send(server, a_fix(1), tls_params=trusted)
                await asyncio.wait({taking}, timeout=0.2)
        assert lats(await taking) == [37.5001]

        with pytest.raises(SourceUnavailableError, match=r"(?i)certificate"):
            await take(a_source(server, tls=True, client_id="another"), 1)


async def test_no_broker_at_all_is_an_outage(mosquitto):
    mosquitto.stop()

    with pytest.raises(SourceUnavailableError):
        await take(a_source(mosquitto), 1)
