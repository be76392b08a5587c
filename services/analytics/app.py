"""Analytics, as the kernel runs it."""

from pathlib import Path

from services.analytics.bands.routes import router as bands
from services.analytics.costs.routes import router as costs
from services.analytics.event_logs.job import jobs
from services.analytics.event_logs.routes import router as event_logs
from services.analytics.indicators.routes import router as indicators
from services.analytics.operations.consume import GROUP, PATTERN, consume
from services.analytics.operations.routes import router as operations
from services.analytics.settings import AnalyticsSettings
from services.analytics.surveys.routes import router as surveys
from services.analytics.tables import metadata
from shared.app import Consumption, Service
from shared.contracts import analytics as events

SERVICE = Service(
    name="analytics",
    summary="Indicators of a back office, from the work that its events report.",
    settings=AnalyticsSettings,
    metadata=metadata,
    migrations=Path(__file__).with_name("migrations"),
    routers=[indicators, operations, event_logs, surveys, costs, bands],
    events=[events.OperationRecorded, events.ObservationRecorded, events.SurveyAnswered],
    consumptions=[Consumption(GROUP, PATTERN, consume)],
    jobs=jobs,
)
