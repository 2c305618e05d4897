"""Scores tracked honestly: NPS, CSAT and CES with limits, what changed, and who answered."""

from csatlib.scores.changes import change
from csatlib.scores.headlines import headlines, in_percent
from csatlib.scores.indicators import indicators, settled
from csatlib.scores.levels import ces, csat, nps
from csatlib.scores.mix import mix_shift
from csatlib.scores.planning import sample_size

__all__ = [
    "ces",
    "change",
    "csat",
    "headlines",
    "in_percent",
    "indicators",
    "mix_shift",
    "nps",
    "sample_size",
    "settled",
]
