"""Decisions as Parquet files, for analysis.

System: a folder of Parquet files, partitioned by date and hour (UTC) of the decision; any tool that reads Parquet
(pyarrow, DuckDB, Spark, pandas) reads it.
Kept: every version of every assignment, or every audit record, as one flat row with its cameras as a list of structs;
ids of cases are keyed pseudonyms or incident numbers already.
Dropped: exact positions, unless the city keeps them for a stated number of days: files cannot forget single cases.
Tombstones make no row.
Guarantee: exactly once on disk. What was taken stands in a journal on disk before its offset is committed, and a file
is named by its first offset, so that a crash at any point neither loses nor doubles a row.
"""
