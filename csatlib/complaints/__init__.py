"""Complaints as a second chance: in time or not, solved or not, and what lies behind them."""

from csatlib.complaints.service import ServiceLevels, backlog, service_levels

__all__ = ["ServiceLevels", "backlog", "service_levels"]
