"""Lost-child points of parks, markets and festivals: a child that is missed is reported at a booth.

System: any booth or festival application that posts JSON; a file of the city says where the booths are.
Kept: number of the report, booth, its place, when the child was last seen, whether it was found.
Dropped: names, ages, clothes, phone numbers and texts; the booth's own staff know them.
Guarantee: at least once; a repeat carries the same id.
"""
