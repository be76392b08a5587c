"""What this site takes for a plausible moment, as a request meets it."""

from typing import Annotated

from fastapi import Depends, Request

from services.analytics.operations.fields import Plausible
from services.analytics.settings import AnalyticsSettings
from shared import clock


def _plausible_now(request: Request) -> Plausible:
    settings: AnalyticsSettings = request.app.state.runtime.settings
    return Plausible.at(clock.now(), settings.plausibility)


PlausibleNow = Annotated[Plausible, Depends(_plausible_now)]
