"""The published events, one module per producer. A change that a reader could notice is a new version."""
