"""What is wrong with a channel's authorization, in words for people."""

from __future__ import annotations

from config.fault import Fault


class ChannelFault(Fault):
    """Something about a channel's authorization that cannot be done: one line per fault; nothing was changed."""
