"""Suppliers: by which tax numbers we know them, where they are paid, and what was agreed with them."""
