"""Accidents and closed roads from traffic centres: incidents, and conditions of the road.

System: two feeds of Korean traffic centres, told apart by their fields. TOPIS, Seoul: the open interface ``AccInfo``
(``row`` with acc_id, acc_type, acc_dtype, occr_date, occr_time, exp_clr_date, exp_clr_time, link_id, grs80tm_x,
grs80tm_y, acc_info). ITS, the national centre: ``eventInfo`` (``items`` with eventType, eventDetailType, startDate,
endDate, coordX, coordY, linkId, lanesBlockType, lanesBlocked, message) and its older form with eventId. Both in JSON or
XML, as whole documents or as single items. One addition, optional: ``roadLine`` ("lon lat;lon lat;…"), the stretch of
road that is closed.

An accident, a breakdown or a closure becomes an incident of the service ``traffic``; a road that is wholly closed also
becomes a record of ``conditions`` with its line. Works, rallies and notices that close nothing are passed over; so are
planned ones until they begin. What a polled document no longer shows is over, also where it vanished during a restart.

Kept: id, type, times, position, road link, which lanes are shut. Dropped at once: the free text, of which only words
for a closure or its end are looked for, names of roads, and any field not named here.

Guarantee: at least once. An event read twice carries the same event_id.
"""
