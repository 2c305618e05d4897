"""SERVQUAL: where service falls short of what customers expect."""

from csatlib.servqual.answers import reverse_scored
from csatlib.servqual.expectation_direct import direct_comparison
from csatlib.servqual.expectation_matrix import expectation_matrix
from csatlib.servqual.expectation_split import borrowed_gaps, expectations
from csatlib.servqual.expectation_surface import ResponseSurface, response_surface
from csatlib.servqual.expectation_zone import zone_of_tolerance
from csatlib.servqual.gap_tables import contrasts, gaps, widest
from csatlib.servqual.prediction import prediction
from csatlib.servqual.reliability_tables import Reliability, reliability
from csatlib.servqual.structure_models import Structure, structure
from csatlib.tables.scale import Item, Scale

__all__ = [
    "Item",
    "Reliability",
    "ResponseSurface",
    "Scale",
    "Structure",
    "borrowed_gaps",
    "contrasts",
    "direct_comparison",
    "expectation_matrix",
    "expectations",
    "gaps",
    "prediction",
    "reliability",
    "response_surface",
    "reverse_scored",
    "structure",
    "widest",
    "zone_of_tolerance",
]
