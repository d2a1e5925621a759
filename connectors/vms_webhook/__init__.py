"""Assignments as calls to a video management system or video wall: which views to open, keep and close.

System: the VMS or video wall of a district's control room, behind a web hook that takes JSON.

Kept: case, version, status, kind, rank, ground, recipients, masking, lease, and per camera role, aim and the end of its
view. Dropped: where the target is, why a camera was chosen, runners-up, sources: a wall needs none of it.

Guarantee: at least once, in order per case; of versions that wait only the newest is told. Every call carries an
idempotency key, ``case_id/opened_us/version``, and with ``hmac_*`` a signature. A view that ends and a session whose
lease is over are closed by a call of their own even if no version says so.
"""
