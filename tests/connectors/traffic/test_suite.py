"""The suite over the traffic feeds: the national centre's JSON pushed, Seoul's XML polled."""

import json

from tests.connectors.traffic.feeds import ITS, TOPIS, its_item, topis_document, topis_row
from tests.support.connector_suite import Samples, connector_suite

# Bodies of a sender that does all it should not.
HOSTILE_JSON = [
    b'[{"eventType": "x", "startDate": {}}, 7, null, "x", []]',
    b'{"header": {"resultCode": "99"}, "body": {"items": []}}',
    b'{"header": [], "body": 7, "eventType": 9, "startDate": 20260301110000}',
    b'{"eventType": "\\ud800", "startDate": "20260301110000", "eventId": "\\ud800", "roadLine": "\\ud800 1;2 3"}',
    '{"acc_type": "A01", "eventType": "교통사고", "startDate": "20260301110000", "roadLine": "1;2"}'.encode(),
]
HOSTILE_XML = [
    b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><AccInfo><row><acc_info>&d;</acc_info></row></AccInfo>',
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><AccInfo><row><acc_id>&x;</acc_id></row></AccInfo>',
    b"<AccInfo><row><acc_id>1</acc_id></row>",
    b"<html><body>Service Unavailable</body></html>",
    b"<AccInfo><list_total_count>x</list_total_count><row/><row><acc_type/></row></AccInfo>",
    b"<a>" * 5_000,
]

TestIts = connector_suite(
    "traffic",
    Samples(write=lambda h: json.dumps(its_item(h), ensure_ascii=False).encode(), options=ITS, hostile=HOSTILE_JSON),
)
TestTopis = connector_suite(
    "traffic",
    Samples(
        write=lambda h: topis_document([topis_row(h)]),
        write_many=lambda many: topis_document([topis_row(h) for h in many]),
        options=TOPIS,
        hostile=HOSTILE_XML,
    ),
)
