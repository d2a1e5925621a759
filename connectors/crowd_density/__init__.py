"""How crowded places of the city are, as conditions that lower what a camera can show.

System: Seoul's real-time city data (``citydata_ppltn``), one answer for each of about 120 named areas; other cities can
give the same fields.
Kept: the area's code, its crowd level, people to a square metre, and until when that may be believed.
Dropped: shares by age, sex and home, forecasts and texts.
Guarantee: at least once; a repeat carries the same id.
"""
