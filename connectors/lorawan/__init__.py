"""Fixes and alerts of trackers on a LoRaWAN network, from the network server's own JSON.

System: ChirpStack 4 or The Things Stack 3 (option ``form``), whose devices have a payload decoder. Taken are
ChirpStack's events ``up`` and ``location`` and The Things Stack's ``uplink_message`` and ``location_solved``, by web
hook (both servers) or by MQTT (``application/<id>/device/<EUI>/event/<event>``; ``v3/<application>@<tenant>/devices/
<device>/up``). Joins, acknowledgements, states and logs are counted and passed over.

Kept: the device's EUI (as a pseudonym), the server's time, place, accuracy, speed, course, battery and alarms of the
decoded payload; of the radio part the place of the best gateway where nothing better is known. Dropped at once: names
and tags of devices, raw payload and keys, gateway ids, everything else.

What a server does not say is not made up here: neither of the two tells that nothing was heard for a while, so these
trackers raise no no-contact alert unless a platform tells it by ``tracker_push``. Safe zones that the device does not
know are found by the engine, for those who are registered.

Guarantee: at least once by web hook and with ChirpStack over MQTT at QoS 1 (``qos = 1`` in its integration; its default
is 0). The Things Stack's MQTT server knows QoS 0 only: what it sends while the connector is down is lost, so prefer
the web hook there. Repeats carry the same event_id: it is made of EUI, session, frame counter, payload and the ten
minutes, not of the copy that arrived.
"""
