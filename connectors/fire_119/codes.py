"""The words of the 119 feed to the words of the contract.

The feed writes Korean type names, not numbers, and spells them in several ways, so a word counts where it occurs in the
name. Source of the types: the feed's public description and the 119 statistics' four kinds of calls (fire, rescue,
ambulance, life safety); of the three degrees of life safety: the 2018 rules for life-safety calls.
"""

from schemas.incident import IncidentStatus

UNKNOWN_KIND = "other"
FIRE, RESCUE, AMBULANCE, LIFE_SAFETY = "화재", "구조", "구급", "생활안전"

# Main type -> (word in the other type names, kind), first hit counts; the last kind holds where no word is found.
KINDS: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    FIRE: (
        (("산불", "임야", "산림"), "forest-fire"),
        (("차량", "자동차", "선박"), "vehicle-fire"),
        (("건물", "건축", "주택", "주거", "아파트", "공장", "창고", "상가", "시장"), "structure-fire"),
        ((), "fire"),
    ),
    RESCUE: (
        (("붕괴",), "collapse"),
        (("다수사상",), "mass-casualty"),
        ((), "rescue"),
    ),
    AMBULANCE: (
        (("다수사상",), "mass-casualty"),
        (("심정지", "심폐소생"), "cardiac-arrest"),
        (("질병",), "medical"),
        ((), "ems"),
    ),
    LIFE_SAFETY: (
        (("비긴급",), "life-safety-routine"),
        (("잠재",), "life-safety-latent"),
        (("긴급",), "life-safety-urgent"),
        ((), "life-safety-routine"),
    ),
    "붕괴": (((), "collapse"),),
    "다수사상": (((), "mass-casualty"),),
    "의료지도": (((), "advice"),),
    "의료상담": (((), "advice"),),
    "상담": (((), "advice"),),
    "안내": (((), "advice"),),
    "오접속": (((), "wrong-number"),),
    "무응답": (((), "silent-call"),),
}

EXERCISE_WORD = "훈련"

# Degrees of life-safety calls; 비긴급 and 잠재긴급 hold the word 긴급, so the order matters.
DEGREES: tuple[tuple[str, str], ...] = (
    ("비긴급", "not-urgent"),
    ("잠재", "latent-urgent"),
    ("긴급", "urgent"),
)

_REPORTED, _UPDATED = IncidentStatus.REPORTED.value, IncidentStatus.UPDATED.value
_CLOSED, _CANCELLED = IncidentStatus.CLOSED.value, IncidentStatus.CANCELLED.value

# Progress names, first hit counts: "출동취소" is a cancellation, "상황종료" an end.
PROGRESS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("취소", "오인", "허위", "중복", "거짓"), _CANCELLED),
    (("종료", "종결", "완료", "귀소", "완진"), _CLOSED),
    (("접수", "지령", "1차출동"), _REPORTED),
    (("출동", "도착", "활동", "진압", "이송", "초진", "대응", "철수"), _UPDATED),
)
