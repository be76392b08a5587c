"""The work queue: what waits for people, why, since when, due by when, and who is at it."""
