"""Settings, canonical tables, checked snapshots and the sample company."""
