"""Who will leave, when, and whom to call."""
