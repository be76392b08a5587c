"""Views for business-intelligence tools, in a schema of their own, and the role that reads them.

A tool connects by itself and may send any statement, so nothing here trusts a session setting: which tenant a login
reads is a row of `bi.login_tenant`, found by `session_user`, which no statement of a login can change. The views are
invoker's: row-level security of the tables holds the role to that tenant, and grants by column keep actors away from
it. The role has no USAGE on schema `analytics`, so it cannot even name the tables.

The views are a contract: `bi_v1` may get more columns at the end and more views; anything else is `bi_v2`, beside it.
"""

from alembic import op

revision = "2026_11_26_bi_views"
down_revision = "2026_11_26_targets"
branch_labels = None
depends_on = None

_ROLE = """
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'trastienda_bi') THEN
    BEGIN
      CREATE ROLE trastienda_bi NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- roles belong to the cluster: another of its databases was migrated at the same time
    END;
  END IF;
END $$"""

_BINDING = (
    "CREATE SCHEMA bi",
    """CREATE TABLE bi.login_tenant (
  login name PRIMARY KEY,
  tenant_id text NOT NULL CHECK (tenant_id <> '')
)""",
    "COMMENT ON TABLE bi.login_tenant IS 'Which tenant a login of a BI tool reads. Written by administrators alone.'",
    "CREATE SCHEMA bi_v1",
    """COMMENT ON SCHEMA bi_v1 IS 'Trastienda, version 1 of the views for BI tools. Columns may be added at the end;
anything else becomes bi_v2. Times are UTC; durations in seconds; a duration that was not measured is NULL, never 0.'""",
    """CREATE FUNCTION bi_v1.current_tenant() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'SELECT tenant_id FROM bi.login_tenant WHERE login = session_user'""",
    """COMMENT ON FUNCTION bi_v1.current_tenant() IS
'The tenant that this login reads; NULL, and so no rows, for a login that is bound to none.'""",
    "REVOKE ALL ON FUNCTION bi_v1.current_tenant() FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION bi_v1.current_tenant() TO trastienda_bi",
    "GRANT USAGE ON SCHEMA bi_v1 TO trastienda_bi",
)

# What the role may read of a table; nothing else of it.
_READ = {
    "operation": (
        "id, process, activity, case_id, actor_kind, team, requested_at, started_at, finished_at, touch_us, wait_us, "
        "lead_us, estimated, outcome, corrects, corrected, cost, currency"
    ),
    "rollup_hour": (
        "hour, process, activity, team, actor_kind, currency, n, touch_n, touch_us, estimated_n, wait_n, wait_us, lead_n, "
        "lead_us, error_n, rework_n, cancelled_n, corrected_n, defect_n, cost_n, cost_sum"
    ),
    "case_state": (
        "process, case_id, first_at, last_at, operations, events, person_n, automation_n, defect_n, rework_n"
    ),
    "band_scale": "kpi, process, unit, excellent, good, acceptable, minimum_n, source, version",
}

_DEFINITIONS = """
VALUES
('processing_time', 'trastienda.processing-time.touch-mean', 1, 's', 'lower',
 'Mean touch time: finished - started over the operations finished in the period whose start was observed.',
 'sum(touch_seconds) / sum(touch_count) of bi_v1.rollup_hours'),
('error_rate', 'trastienda.error-rate.operations', 1, 'ratio', 'lower',
 'Operations with outcome error or rework, or corrected by another event, each once, of all finished in the period.',
 'sum(defect_count) / sum(operation_count) of bi_v1.rollup_hours'),
('cost_per_operation', 'trastienda.cost-per-operation.measured-or-modelled', 1, NULL, 'lower',
 'Cost of the operations whose cost is known, divided by their number; measured, else by the cost model. One currency.',
 'measured costs alone: sum(cost_sum) / sum(cost_count) of bi_v1.rollup_hours, by currency'),
('automation_level', 'trastienda.automation-level.operations', 1, 'ratio', 'higher',
 'Operations done by automation divided by all operations finished in the period.',
 'sum(operation_count) filtered by actor_kind = ''automation'' / sum(operation_count) of bi_v1.rollup_hours'),
('internal_satisfaction', 'trastienda.internal-satisfaction.csat', 1, 'ratio', 'higher',
 'CSAT: answers of 4 or 5 on the scale 1 to 5, divided by all answers given in the period; hidden below 5 answers.',
 NULL),
('case_throughput_time', 'trastienda.case-throughput.first-to-last', 1, 's', 'lower',
 'Mean time from the first to the last moment known of a case, over the cases whose last moment lies in the period.',
 'avg(throughput_seconds) of bi_v1.cases by last_at'),
('case_rework_rate', 'trastienda.case-rework.repeated-activity', 1, 'ratio', 'lower',
 'Cases in which some activity was finished more than once, divided by the cases with at least one operation.',
 'avg(is_rework::int) of bi_v1.cases by last_at'),
('no_touch_rate', 'trastienda.no-touch.cases', 1, 'ratio', 'higher',
 'Cases without any operation by a person, of those with an operation; the requester''s own submission counts for neither.',
 'avg(is_no_touch::int) of bi_v1.cases by last_at'),
('first_pass_yield', 'trastienda.first-pass-yield.cases', 1, 'ratio', 'higher',
 'Cases in which no activity was repeated and nothing ended in error or rework or was corrected, of those with an operation.',
 'avg(is_first_pass::int) of bi_v1.cases by last_at')
"""

_JUDGEMENT = "Judgement of the project; no public benchmark is known. Set your own scale."
_BANDS = f"""
VALUES
('processing_time', '', 's', 300, 900, 1800, 5, '{_JUDGEMENT}'),
('error_rate', '', 'ratio', 0.008, 0.02, 0.05, 5,
 'Data entry errors: IOFM, second-hand (manual about 2 %, automated below 0.8 %); 5 % is a judgement.'),
('error_rate', 'payroll', 'ratio', 0.002, 0.005, 0.0086, 5,
 'Payroll issues per 1,000 payslips 8.64 (CloudPay PEI, 2022 data); 2 and 5 are a judgement.'),
('cost_per_operation', '', 'EUR', 2.5, 6, 10, 5, '{_JUDGEMENT}'),
('cost_per_operation', 'accounts-payable', 'EUR', 2.5, 6, 10, 5,
 'APQC (n = 1,485: top quarter <= 2.07, median 5.83, bottom quarter >= 10.00) and Ardent 2019 (best 2.18, average 10.08), cost per invoice. USD figures taken over as EUR without conversion; one operation is a part of an invoice, so this scale is lenient.'),
('automation_level', '', 'ratio', 0.6, 0.35, 0.15, 5, '{_JUDGEMENT}'),
('internal_satisfaction', '', 'ratio', 0.9, 0.8, 0.7, 5,
 'CSAT: about 70 % not very good, above 90 % very good (MetricNet); 75-85 % good.'),
('case_throughput_time', '', 's', 259200, 432000, 864000, 5, '{_JUDGEMENT}'),
('case_throughput_time', 'accounts-payable', 's', 259200, 432000, 864000, 5,
 'Invoice cycle time: Ardent 2025 (best 3.1 days, others 17.4) and Ardent 2019 (2.9 and 8.3 days).'),
('case_rework_rate', '', 'ratio', 0.10, 0.15, 0.225, 5,
 'Invoice exception rate: Ardent 2019 (best 10.1 %, average 22.6 %).'),
('no_touch_rate', '', 'ratio', 0.60, 0.35, 0.15, 5,
 'Touchless invoices: Ardent 2019 (best 65.3 %, average 24.2 %) and quartiles 60-80, about 35, below 15 %.'),
('first_pass_yield', '', 'ratio', 0.90, 0.75, 0.60, 5,
 'First-pass match of invoices, second-hand (>= 90, about 75, < 60 %).'),
('first_pass_yield', 'payroll', 'ratio', 0.90, 0.80, 0.72, 5,
 'Payroll first-time approval 72.61 % (CloudPay PEI 2025); 90 and 80 % are a judgement.')
"""

# View -> its comment, its columns (name, comment, expression) and where they come from.
_VIEWS = {
    "operations": (
        "One finished piece of work per row. Who did it is not told.",
        (
            ("operation_id", "The event that reported it", "id"),
            ("process", "The process", "process"),
            ("activity", "The step", "activity"),
            ("case_id", "The thing that went through the process", "case_id"),
            ("actor_kind", "person or automation", "actor_kind"),
            ("team", "The team; NULL where none is known", "nullif(team, '')"),
            ("requested_at", "When it was asked for; NULL where unknown", "requested_at"),
            ("started_at", "When the work began; NULL where unknown", "started_at"),
            ("finished_at", "When the work ended: this decides its period", "finished_at"),
            ("touch_seconds", "finished - started; NULL where no start was observed", "touch_us / 1e6"),
            ("wait_seconds", "started - requested; NULL where either is unknown", "wait_us / 1e6"),
            ("lead_seconds", "finished - requested; NULL where unknown", "lead_us / 1e6"),
            ("start_is_estimated", "The start was assumed, so touch and wait are NULL", "estimated"),
            ("outcome", "done, error, rework or cancelled", "outcome"),
            ("corrects", "The operation that this one found wrong", "corrects"),
            ("is_corrected", "Another operation found this one wrong", "corrected"),
            ("cost", "The measured cost; NULL where none was measured", "cost"),
            ("currency", "The currency of the cost; NULL without one", "nullif(currency, '')"),
        ),
        "FROM analytics.operation",
    ),
    "rollup_hours": (
        "Sums over the operations finished within a UTC hour, by process, activity, team, kind of actor and currency. "
        "Every count and sum adds up over rows: divide sums, never average averages.",
        (
            ("hour", "The hour's begin, UTC", "hour"),
            ("process", "The process", "process"),
            ("activity", "The step", "activity"),
            ("team", "The team; NULL where none is known", "nullif(team, '')"),
            ("actor_kind", "person or automation", "actor_kind"),
            ("currency", "Of the measured costs; NULL: operations without a measured cost", "nullif(currency, '')"),
            ("operation_count", "Operations finished", "n"),
            ("touch_count", "Operations whose touch time is known", "touch_n"),
            ("touch_seconds", "Sum of their touch times", "touch_us / 1e6"),
            ("estimated_count", "Operations whose start was assumed", "estimated_n"),
            ("wait_count", "Operations whose waiting time is known", "wait_n"),
            ("wait_seconds", "Sum of their waiting times", "wait_us / 1e6"),
            ("lead_count", "Operations whose lead time is known", "lead_n"),
            ("lead_seconds", "Sum of their lead times", "lead_us / 1e6"),
            ("error_count", "Operations with outcome error", "error_n"),
            ("rework_count", "Operations with outcome rework", "rework_n"),
            ("cancelled_count", "Operations with outcome cancelled", "cancelled_n"),
            ("corrected_count", "Operations that others found wrong", "corrected_n"),
            ("defect_count", "Operations that count as wrong for any of these reasons, each once", "defect_n"),
            ("cost_count", "Operations with a measured cost", "cost_n"),
            ("cost_sum", "Sum of the measured costs", "cost_sum"),
        ),
        "FROM analytics.rollup_hour",
    ),
    "cases": (
        "One thing per row that went, or goes, through a process.",
        (
            ("process", "The process", "process"),
            ("case_id", "The thing", "case_id"),
            ("first_at", "The first moment known of it", "first_at"),
            ("last_at", "The last moment known of it: this decides its period", "last_at"),
            ("throughput_seconds", "last_at - first_at; of an open case, so far", "extract(epoch FROM last_at - first_at)"),
            ("operation_count", "Operations of the case", "operations"),
            ("event_count", "Ends, observed starts and other events", "events"),
            ("person_count", "Operations by persons, the requester's own submission left out", "person_n"),
            ("automation_count", "Operations by automation", "automation_n"),
            ("defect_count", "Operations that count as wrong", "defect_n"),
            ("repeated_count", "Sum over activities of (times done - 1)", "rework_n"),
            ("is_no_touch", "No person had to work on it; NULL: nobody did anything",
             "CASE WHEN person_n + automation_n > 0 THEN person_n = 0 END"),
            ("is_rework", "Some activity was done more than once; NULL: no operation",
             "CASE WHEN operations > 0 THEN rework_n > 0 END"),
            ("is_first_pass", "Nothing was repeated or wrong; NULL: no operation",
             "CASE WHEN operations > 0 THEN rework_n = 0 AND defect_n = 0 END"),
        ),
        "FROM analytics.case_state",
    ),
    "kpi_definitions": (
        "What each indicator means. A changed formula has another version.",
        (
            ("kpi", "The indicator", "kpi"),
            ("definition_id", "The formula's id, as the API gives it", "definition_id"),
            ("version", "The formula's version", "version"),
            ("unit", "s, ratio, or NULL: a currency", "unit"),
            ("better", "Whether lower or higher values are better", "better"),
            ("meaning", "The formula in words; the API has the full text, also in Spanish", "meaning"),
            ("formula", "How to compute it from these views; NULL where they cannot give it", "formula"),
        ),
        f"FROM ({_DEFINITIONS}) AS definition (kpi, definition_id, version, unit, better, meaning, formula)",
    ),
    "kpi_bands": (
        "What is excellent, good and acceptable; beyond is poor. For a process the tenant''s own row of that process holds, "
        "else its own general row (process ''''), else the default of the process, else the general default. "
        "Cost of payroll has no default: its general one would mislead.",
        (
            ("kpi", "The indicator", "kpi"),
            ("process", "The process; '' is every process without a row of its own", "process"),
            ("unit", "The unit of the limits; values in another cannot be graded", "unit"),
            ("excellent", "The limit that still is excellent", "excellent"),
            ("good", "The limit that still is good", "good"),
            ("acceptable", "The limit that still is acceptable", "acceptable"),
            ("minimum_n", "Below so many things measured there is no grade", "minimum_n"),
            ("source", "Where the limits come from", "source"),
            ("is_own", "The tenant set it; else a default", "is_own"),
        ),
        f"""FROM (SELECT kpi, process, unit, excellent, good, acceptable, minimum_n, source, true AS is_own
FROM analytics.band_scale WHERE version > 0
UNION ALL SELECT standard.*, false FROM ({_BANDS}) AS standard (kpi, process, unit, excellent, good, acceptable, minimum_n, source)
WHERE NOT EXISTS (SELECT FROM analytics.band_scale AS own WHERE own.kpi = standard.kpi AND own.process = standard.process
AND own.version > 0)) AS band""",
    ),
}


def _run(statement: str) -> None:
    op.get_bind().exec_driver_sql(statement)


def upgrade() -> None:
    for statement in (_ROLE, *_BINDING):
        _run(statement)
    for table, columns in _READ.items():
        _run(f"GRANT SELECT ({columns}) ON analytics.{table} TO trastienda_bi")
        # A sub-select is computed once for a statement and not for every row.
        _run(
            f"CREATE POLICY bi ON analytics.{table} FOR SELECT TO trastienda_bi "
            "USING (tenant_id = (SELECT bi_v1.current_tenant()))"
        )
    for view, (comment, columns, source) in _VIEWS.items():
        listed = ", ".join(f"{expression} AS {name}" for name, _, expression in columns)
        _run(f"CREATE VIEW bi_v1.{view} WITH (security_invoker = true, security_barrier = true) AS SELECT {listed} {source}")
        _run(f"COMMENT ON VIEW bi_v1.{view} IS '{comment}'")
        for name, meaning, _ in columns:
            _run(f"COMMENT ON COLUMN bi_v1.{view}.{name} IS '{meaning.replace(chr(39), chr(39) * 2)}'")
        _run(f"GRANT SELECT ON bi_v1.{view} TO trastienda_bi")


def downgrade() -> None:
    for view in reversed(_VIEWS):
        _run(f"DROP VIEW bi_v1.{view}")
    for table, columns in _READ.items():
        _run(f"DROP POLICY bi ON analytics.{table}")
        _run(f"REVOKE SELECT ({columns}) ON analytics.{table} FROM trastienda_bi")
    _run("DROP FUNCTION bi_v1.current_tenant()")
    _run("DROP SCHEMA bi_v1")
    _run("DROP TABLE bi.login_tenant")
    _run("DROP SCHEMA bi")
    # The role stays: it belongs to the cluster, and logins of another database may be in it. It can read nothing here.
