"""Electronic invoices: one model for every syntax, the door they come in by, and the verdict on them."""
