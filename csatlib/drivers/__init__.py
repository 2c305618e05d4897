"""What moves together with satisfaction: importance with intervals, priorities, and how sure the order is."""

from csatlib.drivers.ranking import choices, importance, separations

__all__ = ["choices", "importance", "separations"]
