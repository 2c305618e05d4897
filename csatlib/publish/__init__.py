"""From notebooks to published pages: plan, run, page, index."""
