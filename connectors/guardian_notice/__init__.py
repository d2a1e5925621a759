"""Tells a guardian's side that a case has begun, that the person is found, and that the case is over.

System: the web hook of whoever holds the guardians' contacts, e.g. the welfare office, which calls or writes to them.
It gets the guardian's reference of the registry, what the notice is, and when; so it is the only one who knows whom to
reach, and this side never does. docs/connectors/guardian_notice.md has the form.

Read are protected-subjects, for who is whose guardian, wandering-alerts and camera-assignments. What the registry said
is remembered in a file of the connector's own, because topics are read once.

Kept: guardian's reference, kind of notice, time, a word that is the same for one person; the place and the alert's
kind only where options say so. Dropped: pseudonyms, cameras, everything else.

Guarantee: at least once, in order per case. Each call carries an idempotency key that a repeat repeats. What happened
longer ago than ``max_age_s`` is not told any more.
"""
