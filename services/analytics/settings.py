"""Analytics' settings: the kernel's, under TRASTIENDA_ANALYTICS_."""

from typing import ClassVar

from shared.settings import ServiceSettings


class AnalyticsSettings(ServiceSettings):
    section: ClassVar[str] = "analytics"
