"""How Trastienda runs: the only place that knows every service."""
