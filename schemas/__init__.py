"""The contract: the words that connectors, topologies and consumers share.

Belongs here: one module per record (its Python type, from which the published ``.avsc`` is written), the one list
of topics, the Avro codec in the Confluent wire format, and the published schemas with an example per version.
Does not belong here: decisions, I/O beyond reading the package's own published files, any import but the standard
library and fastavro.
"""
