"""What each camera can have in view: its optics, and the street cells in its line of sight.

Begin with ``world``; ``sightlines`` computes in bulk, the ``pole`` modules do the work for one pole.
"""
