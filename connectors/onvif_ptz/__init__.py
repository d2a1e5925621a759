"""Orders to PTZ heads, carried to cameras over ONVIF.

System: cameras that speak ONVIF Profile S or T (PTZ service 2.0), each reached by its device service.

Kept: of an order its action, aim, fence and deadline. Dropped: the case, which no camera hears of; orders with an old
fence, orders that come too late, orders of a city that only watches (``shadow``), and drills unless told otherwise.

Guarantee: at least once; a head obeys the highest fence it has seen and no lower one. A move is absolute, so a repeat
moves nothing. A head that does not answer holds the others up for some seconds at most; its order is then tried again
beside the others until a newer one comes or its deadline is over.
"""
