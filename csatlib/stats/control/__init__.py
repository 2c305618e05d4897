"""Control charts: which points of a series lie outside what its own baseline leads to expect."""

from csatlib.stats.control.shewhart import laney, laney_p, p_chart, xmr
from csatlib.stats.control.smoothed import cusum, ewma

__all__ = ["cusum", "ewma", "laney", "laney_p", "p_chart", "xmr"]
