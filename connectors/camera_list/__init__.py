"""The cameras of a city from a list in columns and codes of its own, as open-data portals and agencies publish it.

System: asset lists and open-data portals anywhere. Format: CSV (any delimiter, any encoding), xlsx, JSON (an array, an
array within an object, a line each) or GeoJSON points. Which column holds what, and what the codes of purpose, kind and
state mean, stands in a form: a TOML file in the city's folder. Another city writes another form; no code changes.

Kept: a camera's id, pole, owner, position with its uncertainty, kind, bearing, field of view, resolution, height,
purposes, days of keeping, state, when it was last looked after, and what is doubtful. Dropped at once: every column
that the form does not name; a description or address only helps to make ids and is not published.

Guarantee: at least once. A row read twice gives the same ids; ids do not depend on the order of the rows. A list is
read whole, and held against the cameras that stand: what is as it was is not told again, what is no longer listed of
its owners is taken back, and a list that takes back too much is refused.
"""
