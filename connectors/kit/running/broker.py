"""Whether a broker listens at all, asked before a client is made.

kafka-python's clients take seconds to find out that nothing listens, and leave sockets behind each time they do.
"""

import contextlib
import socket

from connectors.kit.errors import BrokerUnavailableError
from connectors.kit.settings import ConnectorSettings

# A broker further away than this is of no use to a decision that must be made within a second.
CONNECT_LIMIT_S = 1.0


def require_broker(settings: ConnectorSettings) -> None:
    """Make sure that one of the brokers takes connections; blocks for a second per broker at most.

    Raises:
        BrokerUnavailableError: none does.
    """
    for server in settings.bootstrap_servers:
        host, _, port = server.rpartition(":")
        address = (host.strip("[]"), int(port))
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=CONNECT_LIMIT_S):
            return
    raise BrokerUnavailableError(f"no broker answers at {', '.join(settings.bootstrap_servers)}")
