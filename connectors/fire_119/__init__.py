"""Fire, rescue and ambulance dispatches of 119 from dropped CSV or JSON-lines files.

System: the 119 dispatch feed as the national safety map publishes it. Format: one row per dispatch with OBJT_ID,
STTE_DT (YYYYMMDDhhmmss), EMG_TY_NM1, EMG_TY_NM2, EMG_TY_NM3 (구급, 질병), PROGRS_STN (1차출동 … 귀소) and X, Y in
WGS 84 degrees or UTM-K metres (EPSG:5179), which is seen from the values. Two additions of this connector, optional:

* the responding vehicle: VHCL_ID, VHCL_X, VHCL_Y and VHCL_ROUTE ("lon lat;lon lat;…"); in JSON lines also UNITS, a list
  of objects with these four names;
* the response level of a large fire: RSPNS_LV ("1", "2", "3" or 대응2단계), else read from the type names.

Kept: the id, type, progress, time, position and vehicles. Dropped at once: every address (STTE_LC, STT_LC_DTL,
EMG_ST_LC1 …) and any column not named here.

A dispatch is never lost for a fault in one of its cells: without a usable position it goes on with quality ``none``
or ``default``, without a usable time with the time of reading, without a known type as ``other``. Only a row that is
no dispatch is refused. A row with 훈련 (drill) in a type or progress name is an exercise.

Guarantee: at least once, in the order of the files. A row read twice carries the same event_id.
"""
