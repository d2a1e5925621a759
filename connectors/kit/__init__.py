"""What connectors are made of.

At the top stand the words a connector's author writes with: the protocols (``source``, ``sink``, ``payloads``), what is
handed in (``context``), options, secrets, pseudonyms, the manifest and the errors. ``transports`` fetch and take
payloads, so that a connector only maps; ``reading`` has what parsers share; ``running`` drives connectors against the
broker; ``ladder`` checks, validates and tries them; ``scaffold`` writes a new one.
"""
