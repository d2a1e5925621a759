"""CAP out: cases of chosen services as CAP 1.2 messages, for agencies that read alerts and not our topics.

System: any receiver of CAP 1.2 over HTTP (a disaster centre's gateway, a broadcaster, a neighbouring city). A case's
first message is an Alert, a change that matters an Update, its end a Cancel; both refer to the messages before.

Kept: kind, rank as severity and urgency, services as a category, position with its uncertainty as a circle, district,
times, and whether it is a drill (status Exercise). Dropped: the case's id - a digest stands for it -, cameras, aims,
heading, speed, recipients, purposes. Cases that concern a person (child, dementia) and those of the police are not told
unless an option says so.

Guarantee: at least once. A repeat carries the same identifier and the same idempotency key.
"""
