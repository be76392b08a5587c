"""The door: checks who asks, counts, and streams requests to the services."""
