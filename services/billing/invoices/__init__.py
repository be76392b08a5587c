"""Supplier invoices: registered, validated, decided, paid."""
