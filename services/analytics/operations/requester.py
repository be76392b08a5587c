"""Which activities are the requester's own submission: they are no touch of the back office."""

# A process that begins with a person's request would never be touchless if that counted. SQL LIKE patterns;
# after a change the cases are rebuilt (`ingest.rebuild`).
REQUESTER_ACTIVITIES = ("submit-%", "request-%")
