"""Analytics' settings: the kernel's, under TRASTIENDA_ANALYTICS_, and which moments are taken for mistakes."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, Field

from services.analytics.operations.fields import AHEAD, EARLIEST, USUAL_EARLIEST, Plausibility
from shared.settings import ServiceSettings


class AnalyticsSettings(ServiceSettings):
    section: ClassVar[str] = "analytics"

    earliest_stamp: Annotated[AwareDatetime, Field(ge=EARLIEST)] = USUAL_EARLIEST
    days_ahead: Annotated[int, Field(ge=0, le=3_660)] = AHEAD.days  # ten years: questions without an end reach to 2100

    @property
    def plausibility(self) -> Plausibility:
        return Plausibility(self.earliest_stamp, timedelta(days=self.days_ahead))
