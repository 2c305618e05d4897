"""Complaints as a second chance: in time or not, solved or not, and what lies behind them."""

from csatlib.complaints.handover import Handling, handling
from csatlib.complaints.loop import closed_loop, conversion
from csatlib.complaints.origins import Causes, causes, rising
from csatlib.complaints.recovery import Recovery, recovery
from csatlib.complaints.service import ServiceLevels, backlog, closed_alone, in_time_apart, service_levels
from csatlib.complaints.taken import months_over, prepared, seen_until, targets
from csatlib.complaints.texts import frequent_words, themes
from csatlib.complaints.unit_warning import UnitWarning, unit_warning
from csatlib.complaints.volume import compared, volume
from csatlib.complaints.warning import EarlyWarning, early_warning

__all__ = [
    "Causes",
    "EarlyWarning",
    "Handling",
    "Recovery",
    "ServiceLevels",
    "UnitWarning",
    "backlog",
    "causes",
    "closed_alone",
    "closed_loop",
    "compared",
    "conversion",
    "early_warning",
    "frequent_words",
    "handling",
    "in_time_apart",
    "months_over",
    "prepared",
    "recovery",
    "rising",
    "seen_until",
    "service_levels",
    "targets",
    "themes",
    "unit_warning",
    "volume",
]
