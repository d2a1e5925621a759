"""A real Kafka that asks for a user and forbids what nobody allowed; its plain listener is the administrator's."""

from pathlib import Path

from tests.support.kafka_server import KafkaServer, free_port

# The password of every user is the user's name.
SECURED = """
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SASL_PLAINTEXT://127.0.0.1:{secured}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{secured}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
{users};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""


class SecuredKafka(KafkaServer):
    """``KafkaServer`` with a second listener for users.

    Args:
        users: who may log in.
    """

    def __init__(self, users: list[str]) -> None:
        super().__init__()
        self._users = users
        self._secured_port = free_port()

    def administrator(self) -> dict[str, str]:
        """Return how the administrator reaches it, who may do everything."""
        return {"bootstrap_servers": self.bootstrap_servers}

    def client_of(self, user: str) -> dict[str, str]:
        """Return how a user reaches it, in the words of kafka-python."""
        return {
            "bootstrap_servers": f"127.0.0.1:{self._secured_port}",
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": user,
            "sasl_plain_password": user,
        }

    def _format(self, properties: Path) -> None:
        text = properties.read_text()
        controller = text.partition("controller.quorum.voters=1@127.0.0.1:")[2].partition("\n")[0]
        users = " ".join(f'user_{user}="{user}"' for user in self._users)
        own = SECURED.format(port=self.port, controller=controller, secured=self._secured_port, users=users)
        properties.write_text(text + own)  # the last of two equal names counts
        super()._format(properties)
