"""What a supplier that calls may be told about its invoices, and nothing else."""
