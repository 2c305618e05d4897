"""What moves together with satisfaction: importance with intervals, priorities, and how sure the order is."""

from csatlib.drivers.asymmetry import PenaltyReward, penalty_reward
from csatlib.drivers.beside import named, quotations, ratings
from csatlib.drivers.coefficients import diagnostics, interactions, what_if
from csatlib.drivers.kano import Kano, kano
from csatlib.drivers.logit_weights import logit_weights
from csatlib.drivers.priorities import Priorities, action_table, priorities
from csatlib.drivers.ranking import choices, importance, separations
from csatlib.drivers.validation import Validation, validate

__all__ = [
    "Kano",
    "PenaltyReward",
    "Priorities",
    "Validation",
    "action_table",
    "choices",
    "diagnostics",
    "importance",
    "interactions",
    "kano",
    "logit_weights",
    "named",
    "penalty_reward",
    "priorities",
    "quotations",
    "ratings",
    "separations",
    "validate",
    "what_if",
]
