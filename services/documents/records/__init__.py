"""Records: content in the object store, what is said about it in the database, and never one without the other."""
