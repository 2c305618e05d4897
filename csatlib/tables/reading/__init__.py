"""From a file or a database to columns under their own names, and what was decided on the way."""
