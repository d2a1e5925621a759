"""Tracker fixes and alerts of people under protection, over MQTT in the OwnTracks JSON format.

System: OwnTracks apps, or trackers and gateways that speak its format, publishing to ``owntracks/<user>/<device>``
(and ``…/event`` for transitions) on an MQTT 3.1.1 broker. Messages read: ``location`` (a fix), ``transition`` (a
region was entered or left; leaving a safe zone is an alert), ``lwt`` (the broker lost the device: no contact).
``waypoint``, ``card`` and the like are not subscribed to; where one comes all the same it is counted and passed over.

Three fields that OwnTracks does not know may be added to a ``location``:

* ``alert``: ``sos``, ``guardian-report``, ``low-battery``, ``no-contact``, ``safe-zone-exit`` or ``found`` makes the
  message an alert with this position; any other word makes it an alert of kind ``other``;
* ``hazards``: a list of ``cold``, ``heat``, ``water``, ``rail``, ``road``, for alerts;
* ``exercise``: true for drills and tests.

Kept: position, accuracy, time, speed, course, battery. User and device become one keyed pseudonym. Dropped at once:
the tracker id (``tid``), network names, region names, everything else.

Guarantee: with QoS 1 (the default) the broker keeps what is sent while the connector is down, because the session is
persistent, and a message is acknowledged to it by hand when its record stands in Kafka: at least once, to the end.
Repeats carry the same event_id. With the option ``acknowledge`` at ``handed-over`` it is acknowledged as soon as the
next message is asked for, so a crash can lose what was handed on and not yet published. With QoS 0 the broker keeps
nothing, so what is sent while the connector is down is lost.

The broker sends only so many messages ahead of their acknowledgement (mosquitto: ``max_inflight_messages``, 20 unless
set). That bounds the rate, since acknowledgements go out as often as the runner reports, every 0.02 s: for more than
1,000 fixes a second let it be 200 or more. Its ``message_size_limit`` spares the connector messages
that it would refuse for their size.
"""
