"""Every metric the kernel exports, declared once. Names: `trastienda_` prefix, base units, no ids in labels."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

requests_total = Counter(
    "trastienda_http_requests_total", "HTTP requests answered", ["service", "method", "route", "status"]
)
request_seconds = Histogram(
    "trastienda_http_request_duration_seconds",
    "Time from the request's first byte to the answer's last",
    ["service", "method", "route"],
    buckets=_BUCKETS,
)
outbox_pending = Gauge("trastienda_outbox_pending", "Events recorded and not yet published", ["service"])
outbox_oldest_seconds = Gauge(
    "trastienda_outbox_oldest_age_seconds", "Age of the oldest event not yet published", ["service"]
)
events_published_total = Counter("trastienda_events_published_total", "Events published", ["service"])
consumer_lag = Gauge("trastienda_consumer_lag", "Messages not yet consumed", ["group", "topic"])
events_consumed_total = Counter("trastienda_events_consumed_total", "Messages handled", ["group"])
dead_letters_total = Counter("trastienda_dead_letters_total", "Messages set aside, by reason", ["group", "reason"])
consumer_running = Gauge("trastienda_consumer_running", "1 while the consumer is consuming", ["group"])
jobs_total = Counter("trastienda_jobs_total", "Jobs ended", ["service", "kind", "status"])


def render(registry: CollectorRegistry = REGISTRY) -> tuple[bytes, str]:
    """Return the exposition text and its content type."""
    return generate_latest(registry), "text/plain; version=0.0.4; charset=utf-8"
