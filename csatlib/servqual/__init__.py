"""SERVQUAL: where service falls short of what customers expect."""

from csatlib.servqual.answers import reverse_scored
from csatlib.servqual.gap_tables import contrasts, gaps, widest
from csatlib.servqual.prediction import prediction
from csatlib.servqual.structure_models import Structure, structure
from csatlib.tables.scale import Item, Scale

__all__ = [
    "Item",
    "Scale",
    "Structure",
    "contrasts",
    "gaps",
    "prediction",
    "reverse_scored",
    "structure",
    "widest",
]
