"""The codes of disaster texts in the contract's words."""

# DST_SE_NM. Kinds are those of the city's list; what is not here becomes ``other-disaster``.
KINDS: dict[str, str] = {
    "호우": "heavy-rain",
    "홍수": "flood",
    "침수": "flood",
    "태풍": "typhoon",
    "대설": "heavy-snow",
    "강풍": "strong-wind",
    "풍랑": "high-waves",
    "해일": "tsunami",
    "지진해일": "tsunami",
    "지진": "earthquake",
    "산사태": "landslide",
    "산불": "forest-fire",
    "화재": "fire",
    "폭발": "explosion",
    "붕괴": "collapse",
    "가스": "gas-leak",
    "환경오염사고": "pollution",
    "화학물질": "chemical-accident",
    "원전": "nuclear-accident",
    "정전": "power-failure",
    "수도": "water-failure",
    "통신": "network-failure",
    "교통": "traffic-disaster",
    "교통사고": "traffic-disaster",
    "교통통제": "traffic-disaster",
    "폭염": "heat-wave",
    "한파": "cold-wave",
    "건조": "drought",
    "미세먼지": "fine-dust",
    "황사": "fine-dust",
    "안개": "fog",
    "전염병": "epidemic",
    "가축질병": "animal-disease",
    "민방공": "air-raid",
    "테러": "terror",
    "다중운집": "crowd-crush",
    "훈련": "drill",
}
OTHER_KIND = "other-disaster"
# A text that asks the public for a missing person brings a person's description, not a disaster; the police report it.
MISSING = frozenset({"실종", "실종자"})
DRILLS = frozenset({"훈련", "민방위훈련"})
# EMRG_STEP_NM: who must be told wakes every phone (위급), most (긴급), or those that agreed (안전안내).
URGENCIES: dict[str, str] = {
    "위급재난": "critical",
    "위급재난문자": "critical",
    "긴급재난": "urgent",
    "긴급재난문자": "urgent",
    "안전안내": "guidance",
    "안전안내문자": "guidance",
}
