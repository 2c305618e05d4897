"""Service promises: kept or broken, and what goes with them."""

from csatlib.promises.fulfilment import kept
from csatlib.promises.links import after_promises, behind_complaints

__all__ = ["after_promises", "behind_complaints", "kept"]
