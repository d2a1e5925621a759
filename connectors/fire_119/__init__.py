"""Fire, rescue and ambulance dispatches of 119, and their vehicles on the way, dropped as files or pushed over HTTP.

System: the 119 dispatch feed as the national safety map publishes it. Format: one row per dispatch with OBJT_ID,
STTE_DT (YYYYMMDDhhmmss), EMG_TY_NM1, EMG_TY_NM2, EMG_TY_NM3 (구급, 질병), PROGRS_STN (1차출동 … 귀소) and X, Y in
WGS 84 degrees or UTM-K metres (EPSG:5179), which is seen from the values; in CSV, or in JSON with the same names.
Additions of this connector, all optional:

* the responding vehicle: VHCL_ID, VHCL_X, VHCL_Y and VHCL_ROUTE ("lon lat;lon lat;…"); in JSON also UNITS, a list of
  objects with these four names, which is then the whole list of the dispatch's vehicles;
* the response level of a large fire: RSPNS_LV ("1", "2", "3" or 대응2단계), else read from the type names;
* the time of a change: UPD_DT;
* positions of vehicles on the way, messages of their own: OBJT_ID (or none, where the vehicle is known), VHCL_ID,
  VHCL_X, VHCL_Y, VHCL_DT, or UNITS with several.

A position makes a new word of its dispatch, with all its vehicles, each with the part of its way that lies ahead. For
that the connector remembers the dispatches, over a restart too.

Kept: the id, type, progress, time, position and vehicles. Dropped at once: every address (STTE_LC, STT_LC_DTL,
EMG_ST_LC1 …) and any column not named here.

A dispatch is never lost for a fault in one of its cells: without a usable position it goes on with quality ``none``
or ``default``, without a usable time with the time of reading, without a known type as ``other``. Only a row that is
no dispatch is refused. A row with 훈련 (drill) in a type or progress name is an exercise.

Guarantee: at least once, in the order of the files or requests. A row read twice carries the same event_id; of
positions only those are told that are some way from the last.
"""
