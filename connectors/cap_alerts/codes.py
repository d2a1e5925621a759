"""The words of CAP in the contract's words."""

# Words of an event, in the order in which they are looked for; the first that the event's name holds decides.
# English names are those of the US and European services, Korean ones those of the weather service and the ministries.
EVENT_WORDS: tuple[tuple[str, str], ...] = (
    ("tsunami", "tsunami"),
    ("지진해일", "tsunami"),
    ("해일", "tsunami"),
    ("earthquake", "earthquake"),
    ("지진", "earthquake"),
    ("landslide", "landslide"),
    ("avalanche", "landslide"),
    ("산사태", "landslide"),
    ("flood", "flood"),
    ("홍수", "flood"),
    ("침수", "flood"),
    ("typhoon", "typhoon"),
    ("hurricane", "typhoon"),
    ("tropical", "typhoon"),
    ("태풍", "typhoon"),
    ("tornado", "tornado"),
    ("thunderstorm", "heavy-rain"),
    ("rain", "heavy-rain"),
    ("호우", "heavy-rain"),
    ("snow", "heavy-snow"),
    ("blizzard", "heavy-snow"),
    ("winter", "heavy-snow"),
    ("대설", "heavy-snow"),
    ("wind", "strong-wind"),
    ("강풍", "strong-wind"),
    ("heat", "heat-wave"),
    ("폭염", "heat-wave"),
    ("cold", "cold-wave"),
    ("freeze", "cold-wave"),
    ("한파", "cold-wave"),
    ("wildfire", "forest-fire"),
    ("forest fire", "forest-fire"),
    ("산불", "forest-fire"),
    ("explosion", "explosion"),
    ("폭발", "explosion"),
    ("fire", "fire"),
    ("화재", "fire"),
    ("collapse", "collapse"),
    ("붕괴", "collapse"),
    ("nuclear", "nuclear-accident"),
    ("radiolog", "nuclear-accident"),
    ("방사능", "nuclear-accident"),
    ("원전", "nuclear-accident"),
    ("chemical", "chemical-accident"),
    ("hazardous material", "chemical-accident"),
    ("화학", "chemical-accident"),
    ("gas leak", "gas-leak"),
    ("가스", "gas-leak"),
    ("air raid", "air-raid"),
    ("민방공", "air-raid"),
    ("terror", "terror"),
    ("테러", "terror"),
    ("power", "power-failure"),
    ("정전", "power-failure"),
    ("dust", "fine-dust"),
    ("황사", "fine-dust"),
    ("미세먼지", "fine-dust"),
    ("fog", "fog"),
    ("안개", "fog"),
    ("crowd", "crowd-crush"),
    ("다중운집", "crowd-crush"),
)
# Where the event's name says nothing: CAP's own categories.
CATEGORIES: dict[str, str] = {
    "Met": "severe-weather",
    "Geo": "geological-hazard",
    "Fire": "fire",
    "Env": "pollution",
    "Transport": "traffic-disaster",
    "Infra": "infrastructure-failure",
    "CBRNE": "chemical-accident",
}
OTHER_KIND = "other-disaster"
SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
# Both of them begin: now, or within the hour (CAP 1.2, 3.2.2).
SOON = frozenset({"Immediate", "Expected"})
DRILLS = frozenset({"Exercise", "Test"})
STATUSES = frozenset({"Actual", "Exercise", "System", "Test", "Draft"})
MESSAGES = frozenset({"Alert", "Update", "Cancel", "Ack", "Error"})


def kind_of(event: str, category: str) -> str:
    """Return the kind that an event's name, or else its category, stands for."""
    name = event.lower()
    return next((kind for word, kind in EVENT_WORDS if word in name), CATEGORIES.get(category, OTHER_KIND))


def urgency_of(severity: str, urgency: str, certainty: str) -> str:
    """Return one of the city's words for how urgent: ``critical``, ``urgent``, ``advisory``, ``minor``.

    What is over, or unlikely, is minor whatever it would do; what is severe and does not begin soon is one step less.
    """
    if urgency == "Past" or certainty == "Unlikely":
        return "minor"
    step = SEVERITIES.index(severity) if severity in SEVERITIES else 4
    if urgency not in SOON:
        step += 1
    return ("critical", "urgent", "advisory", "minor")[min(step, 3)]
