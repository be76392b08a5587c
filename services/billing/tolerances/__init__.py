"""How far invoices may be off orders and receipts where nothing was agreed with the supplier."""
