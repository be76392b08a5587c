"""Near duplicates: invoices that may be one sent twice, told by their numbers, amounts, days and lines.

On invented pairs, half of them copies (50 seeds of 800 pairs, `tests/billing/duplicates/pairs.py`), recall is 98.5 %
and precision 99.4 %; where honest look-alikes are many times as frequent as copies, precision is less.
"""
