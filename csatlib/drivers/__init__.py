"""What moves together with satisfaction: importance with intervals, priorities, and how sure the order is."""

from csatlib.drivers.coefficients import diagnostics, interactions, what_if
from csatlib.drivers.priorities import Priorities, action_table, priorities
from csatlib.drivers.ranking import choices, importance, separations

__all__ = [
    "Priorities",
    "action_table",
    "choices",
    "diagnostics",
    "importance",
    "interactions",
    "priorities",
    "separations",
    "what_if",
]
