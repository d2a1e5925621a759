"""Korean disaster text messages (긴급재난문자): what the Ministry of the Interior publishes of texts to phones.

System: safetydata.go.kr, interface DSSP-IF-00247 (JSON), asked again and again; or handed over by push. A text says
where only by names of regions; the city's ``districts.geojson`` has their outlines.

Kept: SN, CRT_DT, MDFCN_YMD within the event id, DST_SE_NM as a kind, EMRG_STEP_NM as urgency, and of RCPTN_RGN_NM the
districts of this city. Dropped: MSG_CN, the text itself, which may name a missing person: it is only looked at for the
words that lift a warning or call a drill. All other fields.

Guarantee: at least once; a text that is still shown at the next look is not published again.
"""
