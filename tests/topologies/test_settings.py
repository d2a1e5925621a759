from pathlib import Path

import pytest

from schemas.clock import ScaledClock
from topologies.errors import SettingsError
from topologies.settings import Guarantee, Security, SecurityProtocol, Settings, settings_from

NEEDED = {"GOLDENTIME_BOOTSTRAP_SERVERS": "a:9092, b:9093", "GOLDENTIME_CITY": "seoul"}


def test_servers_and_city_are_enough() -> None:
    settings = settings_from(NEEDED)
    assert settings.bootstrap_servers == ("a:9092", "b:9093")
    assert settings.guarantee is Guarantee.AUTO
    assert settings.web_host == "127.0.0.1"


def test_two_workers_without_a_name_get_different_ones() -> None:
    assert settings_from(NEEDED).worker_id != settings_from(NEEDED).worker_id


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(SettingsError, match="GOLDENTIME_CITY must be set"):
        settings_from({"GOLDENTIME_BOOTSTRAP_SERVERS": "a:9092"})


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("CASE_PARTITIONS", "many", "GOLDENTIME_CASE_PARTITIONS must be a whole number, got 'many'"),
        ("CASE_PARTITIONS", "0", "case_partitions must be 1 to 256, got 0"),
        ("GUARANTEE", "perhaps", "auto or transactional or plain"),
        ("WEB_PORT", "70000", "web_port must be 0 to 65535"),
        ("CLOCK", "fast", "GOLDENTIME_CLOCK must be a clock"),
        ("BOOTSTRAP_SERVERS", "kafka://a", "host:port"),
        ("CREATE_TOPICS", "maybe", "yes or no"),
        ("WORKER_ID", "Worker One", "worker_id must be lower-case"),
        ("SSL_CA_FILE", "/no/such/file", "GOLDENTIME_SSL_CA_FILE must be a file"),
        ("SECURITY_PROTOCOL", "SASL_SSL", "needs a SASL user and password"),
        ("SASL_MECHANISM", "GSSAPI", "sasl_mechanism"),
        ("REPLICATION_FACTOR", "0", "replication_factor"),
        ("WAITING_RECORDS_MAX", "10", "waiting_records_max"),
    ],
)
def test_a_wrong_variable_says_what_it_must_be(name: str, value: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        settings_from({**NEEDED, f"GOLDENTIME_{name}": value})


def test_the_password_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    settings = settings_from(
        {
            **NEEDED,
            "GOLDENTIME_SECURITY_PROTOCOL": "SASL_SSL",
            "GOLDENTIME_SASL_USERNAME": "worker",
            "GOLDENTIME_SASL_PASSWORD_FILE": str(secret),
        }
    )
    assert settings.security.password == "open sesame"
    assert "sesame" not in repr(settings)


def test_a_story_clock_is_read_from_its_setting() -> None:
    settings = settings_from({**NEEDED, "GOLDENTIME_CLOCK": "scaled:1000:2000:30"})
    assert isinstance(settings.clock, ScaledClock)
    assert settings.clock.factor == 30


def test_settings_cannot_be_changed() -> None:
    settings = Settings(bootstrap_servers=("a:1",), city="seoul", security=Security(protocol=SecurityProtocol.SSL))
    with pytest.raises(AttributeError):
        settings.city = "busan"  # type: ignore[misc]
