"""A door to pictures: an agency names a case and a camera, and gets a short-lived link if it may look through it now.

System: the web front end of an agency's control room on one side, the video servers of the districts on the other.

Kept: who asked (agency, the operator's pseudonym), for which case and camera, what became of it, until when the link
holds. Dropped: addresses and headers of the request; tokens and signatures are in no record and no log line.

Guarantee: at least once. A link is handed out only after its record stands in Kafka on ``view-sessions``; every refusal
is recorded there too. A record may tell of a link that its asker never received, never the other way round. Workers
chain what stands there into ``access-audits``; a record that comes twice has one id and counts as one view.
"""
