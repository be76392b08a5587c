"""One step for many invoices, as a job, with what became of each.

`Work-Started-At` up to the request is what the person needed for the list. It is shared out over the
invoices for which the step is taken: each takes an equal part of what is left among those to come that look ready
(`bulk/rules.py`), so that all parts together are never more than there was; only what the last of them would have
taken is lost when they are refused after all. An operation ends when the job takes the step and begins its part
earlier. Without the header it is 0 and `estimated`.
"""
