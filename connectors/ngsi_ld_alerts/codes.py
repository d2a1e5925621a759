"""The words of dataModel.Alert in the contract's words."""

SERVICES: dict[str, str] = {
    "traffic": "traffic",
    "naturaldisaster": "disaster",
    "weather": "disaster",
    "environment": "disaster",
    "security": "security",
    "health": "fire",  # ambulances belong to the fire service
}
# What concerns fields and animals is nothing for a city's cameras.
PASSED_OVER = frozenset({"agriculture"})
KINDS: dict[str, str] = {
    "trafficjam": "traffic-jam",
    "caraccident": "traffic-accident",
    "carwrongdirection": "wrong-way-driver",
    "carstopped": "stopped-vehicle",
    "roadclosed": "road-closed",
    "roadworks": "road-works",
    "hazardonroad": "hazard-on-road",
    "injuredbiker": "traffic-accident",
    "pedestrianonroad": "pedestrian-on-road",
    "crowdrisk": "crowd-crush",
    "flood": "flood",
    "floodrisk": "flood",
    "tsunami": "tsunami",
    "coastalevent": "tsunami",
    "earthquake": "earthquake",
    "rainfall": "heavy-rain",
    "thunderstorms": "heavy-rain",
    "heatwave": "heat-wave",
    "hightemperature": "heat-wave",
    "coldwave": "cold-wave",
    "lowtemperature": "cold-wave",
    "ice": "heavy-snow",
    "snow": "heavy-snow",
    "snow/ice": "heavy-snow",
    "wind": "strong-wind",
    "fog": "fog",
    "tornado": "tornado",
    "tropicalcyclone": "typhoon",
    "hurricane": "typhoon",
    "firerisk": "forest-fire",
    "airpollution": "fine-dust",
    "waterpollution": "pollution",
    "asthmaattack": "medical",
    "bumpedpatient": "medical",
    "fallenpatient": "medical",
    "heartattack": "cardiac-arrest",
    "suspiciousaction": "suspicious-person",
    "robbery": "robbery",
    "assault": "assault",
    "civildisorder": "disorder",
    "buildingfire": "structure-fire",
    "forestfire": "forest-fire",
}
OTHER_KIND = "other-alert"
URGENCIES: dict[str, str] = {
    "critical": "critical",
    "high": "urgent",
    "medium": "advisory",
    "low": "minor",
    "informational": "minor",
}
# Kinds of fires belong to the fire service, whatever category the sender chose.
FIRES = frozenset({"structure-fire"})
