"""Targets and actions: what became of last month's decisions, and which new ones are due."""

from csatlib.decisions.actions import Followed, edited, followed
from csatlib.decisions.measures import at_stake, leaving, measure, series, target_of
from csatlib.decisions.movement import days_to_done, moved, recent, selected
from csatlib.decisions.proposals import proposed
from csatlib.decisions.records import Collected, collected, keep_actions, kept_actions
from csatlib.decisions.rows import rows_of_customers, stacked

__all__ = [
    "Collected",
    "Followed",
    "at_stake",
    "collected",
    "days_to_done",
    "edited",
    "followed",
    "keep_actions",
    "kept_actions",
    "leaving",
    "measure",
    "moved",
    "proposed",
    "recent",
    "rows_of_customers",
    "selected",
    "series",
    "stacked",
    "target_of",
]
