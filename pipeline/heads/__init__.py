"""Who may turn which head: one arbiter per camera, bids in, orders and answers out.

Begin with ``camera_desk``.
"""
