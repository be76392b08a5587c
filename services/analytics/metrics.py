"""What analytics exports to Prometheus beside the kernel's metrics."""

from prometheus_client import Counter

events_ignored_total = Counter("trastienda_analytics_events_ignored_total", "Events without a work block")
facts_stored_total = Counter("trastienda_analytics_facts_stored_total", "New facts, by kind", ["kind"])
