"""Touchpoints: the inventory and its ten steps, what contacts say about each, which to correct first."""

from csatlib.touchpoints.correction import actions, quadrants
from csatlib.touchpoints.files import save, template
from csatlib.touchpoints.inventory import Inventory, band, inventory
from csatlib.touchpoints.pooling import Shrunken, shrink

__all__ = ["Inventory", "Shrunken", "actions", "band", "inventory", "quadrants", "save", "shrink", "template"]
