"""Keep the present picture: which cameras are open for which case now, and until when.

Reads camera-assignments by its published contract alone: Confluent's own client and Avro deserialiser, the schemas from
the read-only registry of a worker. Prints a line for every change; with --quiet-s it ends when nothing has come for so
long and prints the picture as JSON.
"""

import argparse
import json
import time
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

parser = argparse.ArgumentParser()
parser.add_argument("--broker", default="127.0.0.1:9092")
parser.add_argument("--registry", default="http://127.0.0.1:8080", help="a worker, started with --web-port 8080")
parser.add_argument("--topic", default="seoul.camera-assignments")
parser.add_argument("--quiet-s", type=float, help="end when nothing has come for so long")
parser.add_argument("--now-us", type=int, help="the moment the printed picture is of; the system's clock if not given")
parser.add_argument("--schema", type=Path, help="read all records as this version; as they were written if not given")
parser.add_argument("-X", dest="more", action="append", default=[], metavar="NAME=VALUE", help="any setting of Kafka's")
options = parser.parse_args()

consumer = Consumer(
    {
        "bootstrap.servers": options.broker,
        "group.id": "present-picture",  # the client wants a name; nothing is committed under it
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
    }
    | dict(setting.split("=", 1) for setting in options.more)
)
decoded = AvroDeserializer(
    SchemaRegistryClient({"url": options.registry}), options.schema and options.schema.read_text("utf-8")
)
value_of_topic = SerializationContext(options.topic, MessageField.VALUE)
# From the beginning and all partitions: the topic is compacted, so that is the whole picture and little more.
topic = consumer.list_topics(options.topic, 10).topics[options.topic]
if topic.error:
    raise KafkaException(topic.error)
consumer.assign([TopicPartition(options.topic, partition, OFFSET_BEGINNING) for partition in topic.partitions])
newest = {}  # by case: its highest (opened_us, version)


def newness(assignment):
    return assignment["opened_us"], assignment["version"]


def open_cameras(assignment, now_us):
    """Return until when each camera may be looked through, by id: the lease's end, or an ending view's own."""
    lease_us = assignment["valid_until_us"]
    # Records of before a field was added do not have it: .get() reads them too.
    ends_us = {c["camera_id"]: min(lease_us, c.get("until_us") or lease_us) for c in assignment["cameras"]}
    return {camera_id: end_us for camera_id, end_us in ends_us.items() if end_us > now_us}


heard_s = time.monotonic()
while options.quiet_s is None or time.monotonic() - heard_s < options.quiet_s:
    message = consumer.poll(0.1)
    if message is None:
        continue
    if message.error():
        raise KafkaException(message.error())
    case, assignment = message.key().decode(), decoded(message.value(), value_of_topic)
    heard_s = time.monotonic()
    if assignment is None:
        newest.pop(case, None)  # tombstone: forgotten, or no longer addressed to this reader
    elif case not in newest or newness(assignment) > newness(newest[case]):
        newest[case] = assignment
        print(case, assignment["status"], *open_cameras(assignment, assignment["decided_us"]), flush=True)

consumer.close()
now_us = options.now_us or time.time_ns() // 1000
picture = {
    case: {
        "opened_us": assignment["opened_us"],
        "version": assignment["version"],
        "status": assignment["status"],
        "exercise": assignment["exercise"],
        "cameras": open_cameras(assignment, now_us),
    }
    for case, assignment in newest.items()
}
print(json.dumps(picture, ensure_ascii=False, sort_keys=True))
