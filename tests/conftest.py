"""Fixtures that every test may ask for; each lives in its own file under tests/fixtures."""

from hypothesis import HealthCheck, settings

# Machines are shared: how long a draw or an example took says nothing of the code.
settings.register_profile("trastienda", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trastienda")

# A file stands after those it imports: pytest rewrites the assertions of what it loads first.
pytest_plugins = [
    "tests.fixtures.workers",
    "tests.fixtures.postgres",
    "tests.fixtures.s3",
    "tests.fixtures.kafka",
    "tests.fixtures.services",
    "tests.fixtures.eventlog",
    "tests.fixtures.toolkit",
    "tests.fixtures.stack",
]
