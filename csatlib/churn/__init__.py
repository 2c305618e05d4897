"""Churn: who will leave, how well that is told, what calling them would earn."""

from csatlib.churn.evaluation import Evaluation, evaluate, survey_value
from csatlib.churn.explanation import dependence, importance
from csatlib.churn.hazards import hazard_ratios
from csatlib.churn.leaks import audit, cut_at
from csatlib.churn.models import Churn, fit
from csatlib.churn.risk import at_risk, blocks, nested
from csatlib.churn.similar import alike, conditions
from csatlib.churn.snapshots import NEEDED, Split, feature_names, snapshot, split
from csatlib.churn.survival import log_rank, remaining, staying

__all__ = [
    "NEEDED",
    "Churn",
    "Evaluation",
    "Split",
    "alike",
    "at_risk",
    "audit",
    "blocks",
    "conditions",
    "cut_at",
    "dependence",
    "evaluate",
    "feature_names",
    "fit",
    "hazard_ratios",
    "importance",
    "log_rank",
    "nested",
    "remaining",
    "snapshot",
    "split",
    "staying",
    "survey_value",
]
