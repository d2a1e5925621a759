"""The golden-time report: how long people waited for a first view, read from the lake or the database of decisions.

``decisions`` is what is read of a version, ``sources`` reads it, ``cases`` and ``figures`` reckon (pure), ``plots``,
``page`` and ``tables`` show.
"""
