"""Any invoice on a page: HTML and PDF, in English and Spanish.

- Characters that nobody sees, or that turn text around, stand as their code (`[U+202E]`). The PDF's font has Latin,
  Greek and Cyrillic; other characters stand as their code, too, and the page says how many. The HTML has them all.
- HTML is one file without scripts, links or anything to fetch, under a `Content-Security-Policy` that allows its
  one style. PDF is tagged, has its font in it, and is the same to the byte for the same invoice.
- The `ETag` is that of all that is drawn: a step or a released hold gives another one.
- Renderer processes draw (`TRASTIENDA_BILLING_RENDERER_*`: `WORKERS`, `WAITING`, `PATIENCE`, `TIMEOUT`,
  `MEGABYTES`, `MOST_MEGABYTES`); what takes longer or more is refused as `rendering-too-large`. A PDF takes about
  1.5 MB of memory a page, HTML hardly any.

To name one more code: `rendering/codes.toml`. A term added to the model gets its place in `rendering/presenting.py`
or `rendering/lines.py`; a test fails until it has one.
"""
