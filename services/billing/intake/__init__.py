"""Intake: an electronic invoice becomes an invoice on file, with its original and the verdict on it."""
