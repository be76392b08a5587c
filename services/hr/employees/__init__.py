"""Employees: the persons, and the dated employments they have with us."""
