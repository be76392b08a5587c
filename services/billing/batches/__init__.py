"""Many electronic invoices at once: an archive, a job, and what became of each file."""
