"""How to reach the broker, in the words of each client: aiokafka, kafka-python and Faust."""

import ssl
from typing import Any

import faust

from topologies.settings import Security, Settings


def client_options(settings: Settings) -> dict[str, Any]:
    """Return the options that aiokafka and kafka-python understand alike: servers, TLS and SASL."""
    security = settings.security
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "security_protocol": security.protocol.value,
    }
    if security.uses_tls:
        options["ssl_context"] = _tls_context(security)
    if security.uses_sasl:
        options["sasl_mechanism"] = security.sasl_mechanism
        options["sasl_plain_username"] = security.username
        options["sasl_plain_password"] = security.password
    return options


def faust_credentials(security: Security) -> Any | None:
    """Return Faust's form of TLS and SASL; None for a plain connection."""
    context = _tls_context(security) if security.uses_tls else None
    if security.uses_sasl:
        return faust.SASLCredentials(
            username=security.username,
            password=security.password,
            ssl_context=context,
            mechanism=security.sasl_mechanism,
        )
    return faust.SSLCredentials(context=context) if context else None


def _tls_context(security: Security) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(security.ca_file) if security.ca_file else None)
    if security.cert_file:
        context.load_cert_chain(str(security.cert_file), str(security.key_file) if security.key_file else None)
    return context
