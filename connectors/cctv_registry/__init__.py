"""The cameras of a city from the national CCTV standard file, as districts and portals publish it.

System: the CCTV registries of Korean districts (전국CCTV표준데이터, and Seoul's list of its safety service's cameras).
Format: CSV in CP949, UTF-8 or UTF-8 with byte-order mark, or xlsx, with any of six headers (``headers``). Files are as
people make them: ``faults`` lists what is repaired, flagged or refused, and the report says so row by row.

Kept: a camera's id, pole, owner, position with its uncertainty, kind, bearing where it is truly given, resolution,
purposes, days of keeping, whether it is in service, and what is doubtful. Dropped: the manager's telephone, which is
never read, and the address, which only helps to make ids and is not published.

Guarantee: at least once. A row read twice gives the same ids; ids do not depend on the order of the rows. A file is
read whole before its first camera is given, because piles and repeated management numbers only show in the whole file.

With ``every_s`` newer files are read as they come. A file is held against the cameras that stand: what is as it was is
not told again, what is no longer listed of its owners is taken back, and a file that takes back too much is refused.
"""
