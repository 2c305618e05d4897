"""Churn: who will leave, how well that is told, what calling them would earn."""

from csatlib.churn.evaluation import Evaluation, evaluate, survey_value
from csatlib.churn.leaks import audit, cut_at
from csatlib.churn.models import Churn, fit
from csatlib.churn.snapshots import Split, feature_names, snapshot, split

__all__ = [
    "Churn",
    "Evaluation",
    "Split",
    "audit",
    "cut_at",
    "evaluate",
    "feature_names",
    "fit",
    "snapshot",
    "split",
    "survey_value",
]
