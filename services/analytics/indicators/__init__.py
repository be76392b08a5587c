"""The indicators: definitions, formulas, advice and the answer of GET /analytics/kpis."""
