"""NGSI-LD alerts: what the broker of a smart-city platform notifies us of, by a subscription to entities of type Alert.

System: any context broker that speaks ETSI NGSI-LD (Orion-LD, Scorpio, Stellio); names of attributes are those of the
Smart Data Models (dataModel.Alert). Normalised, concise and simplified entities are read, compact or expanded.

Kept: the entity's id as a digest, dateIssued, modifiedAt, validTo, deletedAt, category and subCategory as service and
kind, severity as urgency, location, exercise. Dropped: description, data, address, owner, name, source, alertSource and
every other attribute. Alerts that ``ngsi_ld_entities`` wrote itself are passed over, so that nothing goes in circles.

Guarantee: at least once: a notification is answered when its incidents stand in Kafka; a broker repeats it or not.
"""
