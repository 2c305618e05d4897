"""Churn: who will leave, how well that is told, what calling them would earn."""

from csatlib.churn.evaluation import Evaluation, evaluate, survey_value
from csatlib.churn.explanation import dependence, importance
from csatlib.churn.exposure import as_known, lasting, start_stop, stays
from csatlib.churn.hazards import hazard_ratios
from csatlib.churn.leaks import audit, cut_at
from csatlib.churn.models import Churn, fit
from csatlib.churn.retention import earlier, retention_effect
from csatlib.churn.risk import at_risk, blocks, nested
from csatlib.churn.similar import alike, conditions
from csatlib.churn.snapshots import NEEDED, Split, feature_names, firsts, snapshot, split, valued
from csatlib.churn.survival import log_rank, remaining, staying
from csatlib.churn.target_list import hold_out_size, target_list
from csatlib.churn.undated import Crossed, cross_section, crossed, dated, unchecked

__all__ = [
    "NEEDED",
    "Churn",
    "Crossed",
    "Evaluation",
    "Split",
    "alike",
    "as_known",
    "at_risk",
    "audit",
    "blocks",
    "conditions",
    "cross_section",
    "crossed",
    "cut_at",
    "dated",
    "dependence",
    "earlier",
    "evaluate",
    "feature_names",
    "firsts",
    "fit",
    "hazard_ratios",
    "hold_out_size",
    "importance",
    "lasting",
    "log_rank",
    "nested",
    "remaining",
    "retention_effect",
    "snapshot",
    "split",
    "start_stop",
    "stays",
    "staying",
    "survey_value",
    "target_list",
    "unchecked",
    "valued",
]
