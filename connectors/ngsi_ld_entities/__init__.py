"""NGSI-LD entities: cameras and cases of the city in the context broker of its smart-city platform.

System: any context broker that speaks ETSI NGSI-LD 1.3.1 or later (Orion-LD, Scorpio, Stellio). Names of types and
attributes are those of the Smart Data Models (dataModel.Device/Camera, dataModel.Alert); a case's cameras are the
relationship ``assignedCamera`` of its alert.

Kept: of a camera its id, owner, position, kind, use, azimuth and field of view; of a case a digest of its id, what and
how urgent it is, where, until when, its status, and its cameras with role and rank. Dropped: case ids, heading, speed,
aims, recipients, purposes, reasons; presets and purposes of cameras. Cases that concern a person (child, dementia) and
those of the police are not told unless an option says so, drills neither. There are no stream addresses.

Guarantee: at least once. Writing an entity twice changes nothing; of several versions in a batch the newest is written.
"""
