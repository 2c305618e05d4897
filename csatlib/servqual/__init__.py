"""SERVQUAL: where service falls short of what customers expect."""

from csatlib.servqual.answers import reverse_scored
from csatlib.servqual.expectation_split import borrowed_gaps, expectations
from csatlib.servqual.gap_tables import contrasts, gaps, widest
from csatlib.tables.scale import Item, Scale

__all__ = ["Item", "Scale", "borrowed_gaps", "contrasts", "expectations", "gaps", "reverse_scored", "widest"]
