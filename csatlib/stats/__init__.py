"""Statistics on one pass over the rows: moments, replicates, intervals, reliability."""
