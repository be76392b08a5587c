"""Near duplicates: invoices that may be one sent twice, told by their numbers, amounts, days and lines."""
