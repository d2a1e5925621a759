"""What the connectors of camera registries share, in whatever columns and codes a registry is written.

From a parsed row to ids, poles, piles and cameras; the words for what is repaired, doubtful or refused, and the report;
what a newer file changes of the cameras that stand; and a file that is looked at again and again as a source.
"""
