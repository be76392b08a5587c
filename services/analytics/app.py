"""Analytics, as the kernel runs it."""

from collections.abc import Mapping
from pathlib import Path

from services.analytics.bands.routes import router as bands
from services.analytics.calendars.routes import router as calendars
from services.analytics.control_charts.routes import router as control_charts
from services.analytics.costs.routes import router as costs
from services.analytics.event_logs import job as import_job
from services.analytics.event_logs.routes import router as event_logs
from services.analytics.explanations.routes import router as explanations
from services.analytics.exports import job as export_job
from services.analytics.exports.routes import router as exports
from services.analytics.exports.service import sweep
from services.analytics.forecasts.routes import router as forecasts
from services.analytics.indicators.routes import router as indicators
from services.analytics.operations.consume import CONSUMPTION
from services.analytics.operations.routes import router as operations
from services.analytics.processes.routes import router as processes
from services.analytics.rebuilds.job import REBUILD, rebuild_job
from services.analytics.rebuilds.routes import router as rebuilds
from services.analytics.settings import AnalyticsSettings
from services.analytics.surveys.routes import router as surveys
from services.analytics.tables import metadata
from services.analytics.targets.routes import router as targets
from services.analytics.targets.watch import watch_targets
from services.analytics.what_if.routes import router as what_if
from services.analytics.withdrawals.routes import router as withdrawals
from shared.app import Runtime, Service
from shared.contracts import analytics as events
from shared.jobs import JobCode


def _jobs(runtime: Runtime) -> Mapping[str, JobCode]:
    return {**import_job.jobs(runtime), **export_job.jobs(runtime), REBUILD: rebuild_job(runtime.url)}


async def _keep_house(runtime: Runtime) -> None:
    try:
        await watch_targets(runtime)
    finally:
        await sweep(runtime)


SERVICE = Service(
    name="analytics",
    summary="Indicators of a back office, from the work that its events report.",
    settings=AnalyticsSettings,
    metadata=metadata,
    migrations=Path(__file__).with_name("migrations"),
    routers=[
        indicators,
        explanations,
        operations,
        withdrawals,
        event_logs,
        exports,
        surveys,
        costs,
        bands,
        calendars,
        rebuilds,
        forecasts,
        what_if,
        processes,
        control_charts,
        targets,
    ],
    events=[
        events.OperationRecorded,
        events.ObservationRecorded,
        events.EventWithdrawn,
        events.SurveyAnswered,
        events.TargetBreached,
        events.TargetRecovered,
    ],
    consumptions=[CONSUMPTION],
    jobs=_jobs,
    housekeeping=_keep_house,
)
