"""Documents: the archive, and what is known of each thing in it."""
