"""Common Alerting Protocol 1.2 (OASIS; ITU-T X.1303; Korean profile TTAK.OT-06.0055): alerts of disaster centres.

System: a disaster centre or weather service that shows CAP messages at a URL - one alert, several in one document, or
an Atom or RSS list of links to them - or pushes them. XML is read through defusedxml: no document type, no entities.

Kept: sender and identifier as a digest, sent, expires, msgType, status, references, event and eventCode as a kind and
a code, urgency, severity and certainty as one urgency, polygons, circles, and of geocodes and area names the districts
of this city. Dropped: headline, description, instruction, contact, senderName, note, addresses, parameters, resources
and everything else: free text, which may name people.

Guarantee: at least once; what is still shown at the next look is not published again. Signatures are not verified: the
transport's secret, TLS and the list of senders say who may be believed.
"""
