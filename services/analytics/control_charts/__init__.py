"""Control charts: which changes of an indicator are signals, and which are chance."""
