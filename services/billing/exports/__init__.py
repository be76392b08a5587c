"""Invoices as tables for spreadsheets and other programs."""
