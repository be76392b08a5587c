"""One step for many invoices, as a job, with what became of each."""
