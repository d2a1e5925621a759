"""The topics of a city on its broker, made before a command writes to them.

A broker that creates topics by itself would give them its own partition count, not the contract's.
"""

from kafka.errors import KafkaError

from console.options import Options
from console.topic_reader import require_broker, unavailable
from topologies.projection_files import load_access
from topologies.topics import TopicReport, ensure_topics


def ensure_city_topics(options: Options) -> TopicReport:
    """Create the topics of the city that are missing, check those that are there, and return which were which.

    Raises:
        BrokerUnavailableError: no broker answers.
        topologies.errors.TopicMismatchError: a topic has another partition count; nothing is created then.
    """
    city, client_options = options.load_city(), options.client_options()
    require_broker(client_options)
    try:
        return ensure_topics(options.settings(), city.prefix, load_access(city.folder, city.policy).topics())
    except KafkaError as error:
        raise unavailable(client_options, error) from error
