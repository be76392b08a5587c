"""The HTTP contract of each service as a document."""
