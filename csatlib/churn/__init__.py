"""Churn: who will leave, how well that is told, what calling them would earn."""

from csatlib.churn.leaks import audit, cut_at
from csatlib.churn.snapshots import Split, feature_names, snapshot, split

__all__ = ["Split", "audit", "cut_at", "feature_names", "snapshot", "split"]
