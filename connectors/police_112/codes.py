"""The code tables of the 112 export: official numbers to the words of the contract.

Source: the code book handed out with the police's regional safety data contest, groups 01 (EVT_STAT_CD), 02
(EVT_CL_CD) and END_CD, as printed in public analyses of that data.
"""

from dataclasses import dataclass

from schemas.incident import IncidentStatus, Service


@dataclass(frozen=True, slots=True)
class CaseType:
    """One value of EVT_CL_CD.

    Attributes:
        kind: the incident's kind, kebab-case.
        service: the service it belongs to; other agencies' cases come in over 112 too.
    """

    kind: str
    service: str = Service.POLICE.value


_FIRE = Service.FIRE.value
EXERCISE_TYPE = 507
MISSING_TYPE = 509
UNKNOWN_TYPE = CaseType("other")

CASE_TYPES: dict[int, CaseType] = {
    101: CaseType("murder"),
    102: CaseType("robbery"),
    103: CaseType("snatch"),
    104: CaseType("theft"),
    105: CaseType("abduction"),
    106: CaseType("sexual-violence"),
    107: CaseType("domestic-violence"),
    108: CaseType("child-abuse"),  # within the family
    109: CaseType("child-abuse"),  # elsewhere
    201: CaseType("violence"),
    202: CaseType("fraud"),
    203: CaseType("extortion"),
    204: CaseType("threat"),
    205: CaseType("gambling"),
    206: CaseType("property-damage"),
    207: CaseType("break-in"),
    208: CaseType("vice"),
    209: CaseType("wanted-person"),
    210: CaseType("other-crime"),
    211: CaseType("dating-violence"),
    212: CaseType("stalking"),
    213: CaseType("school-violence"),
    214: CaseType("drugs"),
    215: CaseType("voice-phishing"),
    216: CaseType("animal-abuse"),
    301: CaseType("quarrel"),
    302: CaseType("disorder"),
    303: CaseType("juvenile-delinquency"),
    304: CaseType("unpaid-service"),
    305: CaseType("drunk-person"),
    306: CaseType("protective-care"),
    307: CaseType("danger-prevention"),
    308: CaseType("minor-offence"),
    401: CaseType("traffic-accident"),
    402: CaseType("traffic-obstruction"),
    403: CaseType("traffic-offence"),
    404: CaseType("fatal-accident"),
    405: CaseType("hit-and-run"),
    406: CaseType("drunk-driving"),
    501: CaseType("advice"),
    502: CaseType("unexplained-death"),
    503: CaseType("emergency-bell"),
    504: CaseType("guard-company-request"),
    505: CaseType("runaway"),
    506: CaseType("lost-property"),
    507: CaseType("exercise"),
    508: CaseType("suicide-risk"),
    509: CaseType("missing-person"),
    601: CaseType("unclear-call"),
    602: CaseType("fire", _FIRE),
    603: CaseType("rescue", _FIRE),
    604: CaseType("noise"),
    605: CaseType("street-vendor"),
    606: CaseType("other-agency"),
    607: CaseType("service-request"),
    608: CaseType("solicitation"),
    609: CaseType("disaster", Service.DISASTER.value),
    610: CaseType("dangerous-animal", _FIRE),
}

URGENCIES = frozenset({"C0", "C1", "C2", "C3", "C4"})

_REPORTED, _UPDATED = IncidentStatus.REPORTED.value, IncidentStatus.UPDATED.value
_CLOSED, _CANCELLED = IncidentStatus.CLOSED.value, IncidentStatus.CANCELLED.value

# Asked to close (7, 10) counts as closed: the officer on the spot has finished, the room only confirms.
STATES: dict[int, str] = {
    1: _REPORTED,  # being taken
    2: _REPORTED,  # received
    3: _UPDATED,  # first order given
    4: _UPDATED,  # dispatched
    5: _UPDATED,  # arrived
    6: _CLOSED,  # closed from the patrol car
    7: _CLOSED,  # close asked
    8: _CANCELLED,  # dispatch cancelled
    9: _CANCELLED,  # moved to another agency
    10: _CLOSED,  # close asked
}

EXERCISE_END = 604
SAME_CASE_END = 708
# Closing codes after which nothing was there to be looked at, or another agency goes on with a case of its own:
# 503 report withdrawn, 601 false, 602 mistaken, 603 malfunction, 703 and 709 moved to another agency or station.
CANCELLING_ENDS = frozenset({503, 601, 602, 603, 703, 709})
