"""Decisions in PostgreSQL with PostGIS, for analysis and maps.

System: a PostgreSQL database with the PostGIS extension; the sink makes its tables, views and roles itself.
Kept: every version of every assignment and its cameras, until the database's owner deletes them. One view per role
shows only what the role may see: the centre all of it, police, fire and disaster the newest version of the cases
addressed to them while its lease holds, analysis neither ids nor places.
Dropped: when a case is forgotten (a tombstone), its positions, aims, distances and bearings; reasons of single scores
and input offsets are never stored.
Guarantee: at least once, and writing a version again changes nothing: rows are upserted by case, opening and version.
"""
