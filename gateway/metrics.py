"""What the gateway counts. Labels are upstreams and status classes: their number is known beforehand."""

from prometheus_client import Counter, Gauge, Histogram

requests_total = Counter("trastienda_gateway_requests_total", "Requests answered", ["upstream", "status"])
request_seconds = Histogram(
    "trastienda_gateway_request_duration_seconds",
    "Time from the request's headers to the answer's last byte",
    ["upstream", "status"],
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
rate_limited_total = Counter("trastienda_gateway_rate_limited_total", "Requests refused with 429")
client_gone_total = Counter("trastienda_gateway_client_gone_total", "Requests whose caller left early", ["upstream"])
breaker_state = Gauge("trastienda_gateway_breaker_state", "0 closed, 1 half open, 2 open", ["upstream"])
requests_in_flight = Gauge("trastienda_gateway_requests_in_flight", "Requests now at the upstream", ["upstream"])
upstream_ready = Gauge("trastienda_gateway_upstream_alive", "1 while the upstream answers probes", ["upstream"])


class Red:
    """Rate, errors and duration of one upstream, with its metric children looked up once."""

    def __init__(self, upstream: str) -> None:
        classes = [f"{digit}xx" for digit in range(1, 6)]
        self._counts = [requests_total.labels(upstream, name) for name in classes]
        self._times = [request_seconds.labels(upstream, name) for name in classes]

    def observe(self, status: int, seconds: float) -> None:
        index = status // 100 - 1
        self._counts[index].inc()
        self._times[index].observe(seconds)
