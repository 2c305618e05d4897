"""Complaints as a second chance: in time or not, solved or not, and what lies behind them."""

from csatlib.complaints.loop import closed_loop, conversion
from csatlib.complaints.origins import Causes, causes, rising
from csatlib.complaints.service import ServiceLevels, backlog, service_levels

__all__ = [
    "Causes",
    "ServiceLevels",
    "backlog",
    "causes",
    "closed_loop",
    "conversion",
    "rising",
    "service_levels",
]
