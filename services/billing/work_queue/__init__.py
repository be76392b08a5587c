"""The work queue: what waits for people, why, since when, due by when, and who is at it.

The touch time of a step is from the claim, from the end of the step before within it, or from the end of what the person
finished on another item meanwhile, whichever came last; a `Work-Started-At` after that is believed. Without a
claim it is assumed, as before.
"""
