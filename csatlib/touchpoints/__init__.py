"""Touchpoints: the inventory and its ten steps, what contacts say about each, which to correct first."""

from csatlib.touchpoints.contact_rows import measured
from csatlib.touchpoints.contact_tables import consistency, evidence, handled, moved
from csatlib.touchpoints.correction import actions, quadrants
from csatlib.touchpoints.files import save, template
from csatlib.touchpoints.impact_tables import Impact, impact, moments_of_truth
from csatlib.touchpoints.inventory import Inventory, band, inventory
from csatlib.touchpoints.pooling import Shrunken, shrink, shrink_shares

__all__ = [
    "Impact",
    "Inventory",
    "Shrunken",
    "actions",
    "band",
    "consistency",
    "evidence",
    "handled",
    "impact",
    "inventory",
    "measured",
    "moments_of_truth",
    "moved",
    "quadrants",
    "save",
    "shrink",
    "shrink_shares",
    "template",
]
