"""Speed beside the nearest peer, measured in one run."""
