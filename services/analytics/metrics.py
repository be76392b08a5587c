"""What analytics exports to Prometheus beside the kernel's metrics."""

from prometheus_client import Counter

events_ignored_total = Counter("trastienda_analytics_events_ignored_total", "Events without a work block")
operations_incomplete_total = Counter(
    "trastienda_analytics_operations_incomplete_total",
    "Operations taken without an observed start, or a measured cost; a copy counts again",
    ["lacks"],
)
import_rejected_total = Counter(
    "trastienda_analytics_import_rejected_total",
    "Events of imported logs that were not used, by reason; a resumed import counts again",
    ["reason"],
)
import_remarks_total = Counter(
    "trastienda_analytics_import_remarks_total",
    "Events of imported logs that were used without a part of them, by reason; a resumed import counts again",
    ["reason"],
)
facts_stored_total = Counter("trastienda_analytics_facts_stored_total", "New facts, by kind", ["kind"])
