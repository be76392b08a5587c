"""Which activities are the requester's own submission: they are no touch of the back office."""

# A process that begins with a person's request would never be touchless if that counted. SQL LIKE patterns;
# after a change `./trastienda rebuild analytics --swap` makes the cases follow it.
REQUESTER_ACTIVITIES = ("submit-%", "request-%")


def is_requesters(activity: str) -> bool:
    """Tell whether an activity is the requester's own; every pattern above is a prefix."""
    return activity.startswith(tuple(pattern.removesuffix("%") for pattern in REQUESTER_ACTIVITIES))
