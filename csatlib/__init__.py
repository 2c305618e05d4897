"""Customer-satisfaction analysis: from surveys, transactions, contacts and complaints to decisions."""
