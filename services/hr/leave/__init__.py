"""Leave: asked for, decided by another person, cancelled; and what is left of the year's holidays."""
