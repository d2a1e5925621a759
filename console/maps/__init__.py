"""Readers of street and building files, and the building of a city's map from them.

``reading`` chooses by the file's name: ``osm`` reads OpenStreetMap extracts (with pyosmium), ``vector`` GeoPackage
(with pyogrio) and GeoJSON. ``building`` makes streets and free space and sums up what was read.
"""
