"""Fixtures that every test may ask for; each lives in its own file under tests/fixtures."""

# A file stands after those it imports: pytest rewrites the assertions of what it loads first.
pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.s3",
    "tests.fixtures.kafka",
    "tests.fixtures.services",
    "tests.fixtures.eventlog",
    "tests.fixtures.toolkit",
    "tests.fixtures.stack",
]
