"""Scales that hold until a tenant sets its own: from published benchmarks, each with its source.

Where nothing public fits, the limits are a judgement and say so. Cost per payslip has no open benchmark:
the process `payroll` has no default scale for cost.
"""

from services.analytics.bands.rules import Scale, choose_scale

JUDGEMENT = "Judgement of the project; no public benchmark is known. Set your own scale."

_INVOICE_COST = (
    "APQC (n = 1,485: top quarter <= 2.07, median 5.83, bottom quarter >= 10.00) and Ardent 2019 (best 2.18, average "
    "10.08), cost per invoice. USD figures taken over as EUR without conversion; one operation is a part of an invoice, "
    "so this scale is lenient."
)
_INVOICE_CYCLE = "Invoice cycle time: Ardent 2025 (best 3.1 days, others 17.4) and Ardent 2019 (2.9 and 8.3 days)."
_EXCEPTIONS = "Invoice exception rate: Ardent 2019 (best 10.1 %, average 22.6 %)."
_DATA_ERRORS = "Data entry errors: IOFM, second-hand (manual about 2 %, automated below 0.8 %); 5 % is a judgement."
_FIRST_PASS = "First-pass match of invoices, second-hand (>= 90, about 75, < 60 %)."  # noqa: S105 - a benchmark, no secret
_TOUCHLESS = "Touchless invoices: Ardent 2019 (best 65.3 %, average 24.2 %) and quartiles 60-80, about 35, below 15 %."
_PAYROLL_FIRST = "Payroll first-time approval 72.61 % (CloudPay PEI 2025); 90 and 80 % are a judgement."
_PAYROLL_ISSUES = "Payroll issues per 1,000 payslips 8.64 (CloudPay PEI, 2022 data); 2 and 5 are a judgement."
_CSAT = "CSAT: about 70 % not very good, above 90 % very good (MetricNet); 75-85 % good."

_MINUTE, _DAY = 60.0, 86_400.0

DEFAULTS: tuple[Scale, ...] = (
    Scale("processing_time", "", "lower", "s", 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, JUDGEMENT),
    Scale("error_rate", "", "lower", "ratio", 0.008, 0.02, 0.05, _DATA_ERRORS),
    Scale("error_rate", "payroll", "lower", "ratio", 0.002, 0.005, 0.0086, _PAYROLL_ISSUES),
    Scale("cost_per_operation", "", "lower", "EUR", 2.5, 6.0, 10.0, JUDGEMENT),
    Scale("cost_per_operation", "accounts-payable", "lower", "EUR", 2.5, 6.0, 10.0, _INVOICE_COST),
    Scale("automation_level", "", "higher", "ratio", 0.6, 0.35, 0.15, JUDGEMENT),
    Scale("internal_satisfaction", "", "higher", "ratio", 0.9, 0.8, 0.7, _CSAT),
    Scale("case_throughput_time", "", "lower", "s", 3 * _DAY, 5 * _DAY, 10 * _DAY, JUDGEMENT),
    Scale("case_throughput_time", "accounts-payable", "lower", "s", 3 * _DAY, 5 * _DAY, 10 * _DAY, _INVOICE_CYCLE),
    Scale("case_rework_rate", "", "lower", "ratio", 0.10, 0.15, 0.225, _EXCEPTIONS),
    Scale("no_touch_rate", "", "higher", "ratio", 0.60, 0.35, 0.15, _TOUCHLESS),
    Scale("first_pass_yield", "", "higher", "ratio", 0.90, 0.75, 0.60, _FIRST_PASS),
    Scale("first_pass_yield", "payroll", "higher", "ratio", 0.90, 0.80, 0.72, _PAYROLL_FIRST),
)

# No benchmark for the cost of a payslip is public, and the general scale would mislead.
WITHOUT_DEFAULT = frozenset({("cost_per_operation", "payroll")})


def default_scale(kpi: str, process: str) -> Scale | None:
    """Return the project's scale for an indicator of a process, if it has one."""
    return None if (kpi, process) in WITHOUT_DEFAULT else choose_scale(DEFAULTS, kpi, process)
