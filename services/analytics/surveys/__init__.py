"""Satisfaction of the people the back office works for: answers from 1 to 5."""
