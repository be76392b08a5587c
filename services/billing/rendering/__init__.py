"""Any invoice on a page: HTML and PDF, in English and Spanish."""
