"""Drafts: a plain PDF invoice, what could be read of it, and what a person makes of that."""
