"""Scores tracked honestly: NPS, CSAT and CES with limits, what changed, and who answered."""

from csatlib.scores.changes import change
from csatlib.scores.followed import followed, kept, rewordings
from csatlib.scores.headlines import headlines, in_percent
from csatlib.scores.indicators import indicators, settled
from csatlib.scores.lagged import lags
from csatlib.scores.levels import ces, csat, nps
from csatlib.scores.mix import mix_shift
from csatlib.scores.operations import bands, beside
from csatlib.scores.outlook import outlook
from csatlib.scores.planning import sample_size
from csatlib.scores.together import together
from csatlib.scores.tracking import control_chart
from csatlib.scores.units import units

__all__ = [
    "bands",
    "beside",
    "ces",
    "change",
    "control_chart",
    "csat",
    "followed",
    "headlines",
    "in_percent",
    "indicators",
    "kept",
    "lags",
    "mix_shift",
    "nps",
    "outlook",
    "rewordings",
    "sample_size",
    "settled",
    "together",
    "units",
]
