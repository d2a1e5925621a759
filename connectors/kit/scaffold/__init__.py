"""Writing a new connector: a folder, its tests and its page, which pass everything as they stand."""

from connectors.kit.scaffold.writing import SCAFFOLD_KINDS, scaffold

__all__ = ["SCAFFOLD_KINDS", "scaffold"]
