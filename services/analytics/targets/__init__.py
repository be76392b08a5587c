"""Targets of a process: what an indicator has to reach, who answers for it, and an event when it stops doing so."""
