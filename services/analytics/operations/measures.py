"""The columns of a roll-up and how each is computed from facts: written once, used to fold, rebuild and query."""

# Column of `rollup_hour` and `rollup_day` -> aggregate over rows of `operation`. All add up over disjoint sets of rows.
MEASURES: dict[str, str] = {
    "n": "count(*)",
    "touch_n": "count(touch_us)",
    "touch_us": "coalesce(sum(touch_us), 0)",
    "estimated_n": "count(*) FILTER (WHERE estimated)",
    "wait_n": "count(wait_us)",
    "wait_us": "coalesce(sum(wait_us), 0)",
    "lead_n": "count(lead_us)",
    "lead_us": "coalesce(sum(lead_us), 0)",
    "error_n": "count(*) FILTER (WHERE outcome = 'error')",
    "rework_n": "count(*) FILTER (WHERE outcome = 'rework')",
    "cancelled_n": "count(*) FILTER (WHERE outcome = 'cancelled')",
    "corrected_n": "count(*) FILTER (WHERE corrected)",
    "defect_n": "count(*) FILTER (WHERE corrected OR outcome IN ('error', 'rework'))",
    "cost_n": "count(cost)",
    "cost_sum": "coalesce(sum(cost), 0)",
}
KEY = ("process", "activity", "team", "actor_kind", "currency")

COLUMNS = ", ".join(MEASURES)
AGGREGATES = ", ".join(f"{aggregate} AS {column}" for column, aggregate in MEASURES.items())
SUMMED = ", ".join(f"sum({column}) AS {column}" for column in MEASURES)
HOUR = "date_trunc('hour', finished_at, 'UTC')"
DAY_OF_HOUR = "(hour AT TIME ZONE 'UTC')::date"
