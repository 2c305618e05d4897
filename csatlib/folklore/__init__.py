"""Rules of thumb the field quotes, each beside the company's own figure."""

from csatlib.folklore.comparison import rules, verdicts
from csatlib.folklore.figures import last_mile, per_step, ratio
from csatlib.folklore.units import between_units

__all__ = ["between_units", "last_mile", "per_step", "ratio", "rules", "verdicts"]
