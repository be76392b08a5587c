"""HR: who works here since when, and when they are away."""
