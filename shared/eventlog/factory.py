"""Which event log: Kafka when its address is set, else the one in PostgreSQL."""

from shared.eventlog import EventLog


def open_event_log(kafka_bootstrap: str | None, database_url: str) -> EventLog:
    """Return the adapter, not yet started."""
    if kafka_bootstrap:
        from shared.eventlog.kafka import KafkaEventLog

        return KafkaEventLog(kafka_bootstrap)
    from shared.eventlog.postgres import ROLE, PostgresEventLog

    return PostgresEventLog(database_url, role=ROLE)


async def prepare_event_log(kafka_bootstrap: str | None, admin_url: str) -> None:
    """Create what the log itself needs; Kafka needs nothing."""
    if not kafka_bootstrap:
        from shared.eventlog.postgres import prepare

        await prepare(admin_url)
