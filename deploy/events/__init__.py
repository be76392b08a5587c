"""The published contracts as documents: a JSON Schema per event and one AsyncAPI 3.0 document."""
