"""SERVQUAL: where service falls short of what customers expect."""

from csatlib.servqual.answers import reverse_scored
from csatlib.servqual.expectation_direct import direct_comparison
from csatlib.servqual.expectation_matrix import expectation_matrix
from csatlib.servqual.expectation_split import borrowed_gaps, expectations
from csatlib.servqual.expectation_surface import ResponseSurface, response_surface
from csatlib.servqual.expectation_zone import zone_of_tolerance
from csatlib.servqual.gap_tables import contrasts, gaps, widest
from csatlib.tables.scale import Item, Scale

__all__ = [
    "Item",
    "ResponseSurface",
    "Scale",
    "borrowed_gaps",
    "contrasts",
    "direct_comparison",
    "expectation_matrix",
    "expectations",
    "gaps",
    "response_surface",
    "reverse_scored",
    "widest",
    "zone_of_tolerance",
]
