from pathlib import Path

import pytest

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.settings import settings_from
from schemas.clock import ScaledClock, SystemClock

BROKER = {"GOLDENTIME_BOOTSTRAP_SERVERS": "localhost:9092"}


def test_only_the_broker_must_be_set() -> None:
    settings = settings_from(BROKER)
    assert settings.bootstrap_servers == ("localhost:9092",)
    assert settings.topic_prefix == ""
    assert isinstance(settings.clock, SystemClock)
    assert settings.pseudonyms.key is None
    assert settings.client_options()["security_protocol"] == "PLAINTEXT"


def test_several_brokers_a_prefix_a_scaled_clock_and_sasl_are_read(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret-word\n")
    settings = settings_from(
        {
            "GOLDENTIME_BOOTSTRAP_SERVERS": "a:1, [::1]:2",
            "GOLDENTIME_TOPIC_PREFIX": "seoul",
            "GOLDENTIME_CLOCK": "scaled:1:2:60",
            "GOLDENTIME_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "GOLDENTIME_SASL_USERNAME": "connectors",
            "GOLDENTIME_SASL_PASSWORD_FILE": str(password),
        }
    )
    assert settings.bootstrap_servers == ("a:1", "[::1]:2")
    assert settings.clock == ScaledClock(1, 2, 60.0)
    options = settings.client_options()
    assert (options["sasl_mechanism"], options["sasl_plain_password"]) == ("SCRAM-SHA-512", "secret-word")
    assert "secret-word" not in repr(settings)


def test_pseudonym_keys_come_from_files_or_variables(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"n" * 40 + b"\n")
    settings = settings_from(
        {**BROKER, "GOLDENTIME_PSEUDONYM_KEY_FILE": str(key), "GOLDENTIME_PSEUDONYM_KEY_PREVIOUS": "o" * 32}
    )
    assert (settings.pseudonyms.key, settings.pseudonyms.previous_key) == (b"n" * 40, b"o" * 32)
    assert "nnn" not in repr(settings)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"GOLDENTIME_BOOTSTRAP_SERVERS": ""}, "BOOTSTRAP_SERVERS must be set"),
        ({"GOLDENTIME_BOOTSTRAP_SERVERS": "localhost"}, "BOOTSTRAP_SERVERS must be host:port, got 'localhost'"),
        ({"GOLDENTIME_TOPIC_PREFIX": "Seoul."}, "TOPIC_PREFIX must be lower-case"),
        ({"GOLDENTIME_CLOCK": "sundial"}, "GOLDENTIME_CLOCK: clock must be"),
        ({"GOLDENTIME_SECURITY_PROTOCOL": "TLS"}, "SECURITY_PROTOCOL must be one of"),
        ({"GOLDENTIME_SECURITY_PROTOCOL": "SASL_SSL"}, "needs GOLDENTIME_SASL_USERNAME"),
        ({"GOLDENTIME_SASL_PASSWORD": "x"}, "put it into a file"),
        ({"GOLDENTIME_SSL_CA_FILE": "/no/such/file"}, "SSL_CA_FILE must be a file"),
        ({"GOLDENTIME_PSEUDONYM_KEY": "short"}, "must have 32 bytes"),
    ],
)
def test_a_wrong_variable_is_named_with_its_rule(variables: dict[str, str], message: str) -> None:
    with pytest.raises(ConnectorConfigError, match=message.replace("[", r"\[")):
        settings_from({**BROKER, **variables})
