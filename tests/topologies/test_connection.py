import ssl

from topologies.connection import client_options, faust_credentials
from topologies.settings import Security, SecurityProtocol, Settings


def settings_with(security: Security) -> Settings:
    return Settings(bootstrap_servers=("a:1", "b:2"), city="test", security=security)


def test_a_plain_connection_needs_servers_only() -> None:
    assert client_options(settings_with(Security())) == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "PLAINTEXT",
    }
    assert faust_credentials(Security()) is None


def test_user_and_password_go_to_every_client() -> None:
    security = Security(
        protocol=SecurityProtocol.SASL_SSL, sasl_mechanism="SCRAM-SHA-256", username="worker", password="open sesame"
    )
    options = client_options(settings_with(security))
    assert options["security_protocol"] == "SASL_SSL"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("worker", "open sesame")
    assert isinstance(options["ssl_context"], ssl.SSLContext)
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    credentials = faust_credentials(security)
    assert credentials is not None
    assert (credentials.username, credentials.mechanism.value) == ("worker", "SCRAM-SHA-256")
    assert credentials.protocol.value == "SASL_SSL"


def test_tls_alone_checks_the_broker() -> None:
    credentials = faust_credentials(Security(protocol=SecurityProtocol.SSL))
    assert credentials is not None
    assert credentials.context.check_hostname is True
