"""Police 112 calls from the files that a 112 control room's system exports, or pushed by it over HTTP.

System: the Korean police's 112 call system. Format: CSV (CP949, UTF-8, with or without byte order mark) or JSON with
the columns of the police's 112 code book (RECV_CPLT_DT, RECV_CPLT_TM or RECV_CPLT_DM, NPA_CL, RECV_EMG_CD,
EVT_STAT_CD, EVT_CL_CD, END_CD, HPPN_X, HPPN_Y or the corners of a grid cell HPPN_X_SW …, SME_EVT_YN). The option
``transport`` says whether they come as files dropped into a folder (``file``) or in the body of a request
(``http-push``); both are read alike, and a call that comes both ways is one call.

Kept: case number, type, urgency, state, closing code, time and position. Dropped at once: the reporter's sex, every
address, free text, and any column not named here.

A call is never lost for a fault in one of its cells: without a usable position it goes on with quality ``none`` or
``default``, without a usable time with the time of reading, without a known type as ``other``. Only a row that is no
call is refused. Without a case number column an update of a call is recognised only if time, type and place are
unchanged.

The rows before are remembered, of pushes over a restart too: an update that leaves its type or urgency blank keeps what
was told, a ring of calls that are each merged into the next leaves one of them open, and a real call that turns out to
be a drill ends. A call that goes back to an urgency it had before is told from a row read twice only by a time of the
change.

Guarantee: at least once, in the order of the files or requests. A row read twice carries the same event_id.
"""
