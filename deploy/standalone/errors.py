"""What a user is told when something of the stack cannot start."""


class ServerError(Exception):
    """A server did not start or does not run; the message tells a user why."""
