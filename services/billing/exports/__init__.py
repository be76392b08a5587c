"""Invoices as tables for spreadsheets and other programs.

An export is read as of one moment, written into a file without a name and then sent: a slow reader holds no connection.
100,000 rows at the most, counted first; two files at a time per process, and who finds no turn within 10 s is refused.
What is written within 10 s is sent with its `Content-Length`. What takes longer begins before, so that no proxy gives up
on it; should it fail after that, the connection breaks off and no client takes it for whole. `dialect=spanish` is CSV for a Spanish Excel: semicolons, decimal commas, byte-order mark. Amounts are
exact; in XLSX one of more than 15 digits is a text, and texts end after 32,767 characters. In CSV an apostrophe
stands before a text that a spreadsheet could execute. 100,000 invoices took 8 s of processor time as CSV and 26 s
as XLSX, with 6 MB more memory.
"""
