"""The process as its operations draw it: what follows what, in which variants, what to automate, what is open."""
