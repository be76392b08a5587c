"""Taking back what was reported: the door for systems without Kafka."""
