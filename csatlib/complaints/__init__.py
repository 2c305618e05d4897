"""Complaints as a second chance: in time or not, solved or not, and what lies behind them."""

from csatlib.complaints.handover import Handling, handling
from csatlib.complaints.loop import closed_loop, conversion
from csatlib.complaints.origins import Causes, causes, rising
from csatlib.complaints.recovery import Recovery, recovery
from csatlib.complaints.service import ServiceLevels, backlog, service_levels
from csatlib.complaints.texts import themes
from csatlib.complaints.volume import compared, volume
from csatlib.complaints.warning import EarlyWarning, early_warning

__all__ = [
    "Causes",
    "EarlyWarning",
    "Handling",
    "Recovery",
    "ServiceLevels",
    "backlog",
    "causes",
    "closed_loop",
    "compared",
    "conversion",
    "early_warning",
    "handling",
    "recovery",
    "rising",
    "service_levels",
    "themes",
    "volume",
]
