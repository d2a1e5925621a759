"""The suite over the OwnTracks connector."""

import json

from tests.support.connector_suite import Happening, Samples, connector_suite


def message(h: Happening) -> bytes:
    body = {"_type": "location", "lat": h.lat, "lon": h.lon, "tst": h.time_s, "acc": 12, "tid": h.person_name}
    body |= {"SSID": h.person_text, "desc": h.person_phone, "exercise": h.exercise, "batt": 50 + h.revision}
    if h.closed:
        body["alert"] = "found"
    if h.nulls:
        body = {"_type": "location"} | {name: None for name in body if name != "_type"}
    return json.dumps({**body, **h.extra}, ensure_ascii=False).encode()


TestOwntracks = connector_suite("owntracks", Samples(write=message, origin="owntracks/person-7731-hong/watch"))
