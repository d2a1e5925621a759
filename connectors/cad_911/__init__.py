"""Calls of a 911 centre's computer-aided dispatch (CAD), in the columns and codes of whichever city it is.

System: computer-aided dispatch of public-safety answering points in North America, whose exports and web hooks differ
from city to city. Format: CSV or JSON rows with local times and WGS 84 degrees. Which column holds what, and what the
codes of nature, priority, status and disposition mean, stands in a form: a TOML file in the city's folder. Another
city writes another form; no code changes.

Kept: incident number, nature, priority, status, disposition, times, position. Dropped at once: callers, phone numbers,
addresses, place names, remarks, units' crews, and any column that the form does not name. A call without a position
is not looked up by its address; it asks for a place.

A call is never lost for a fault in one of its cells: without a usable position it goes on with quality ``none`` or
``default``, without a usable time with the time of reading, without a known nature as ``other``. Only a row that is no
call is refused.

Guarantee: at least once, in the order of the files or of the pushes. A row read twice carries the same event_id.
"""
