"""Billing's settings: the kernel's, under TRASTIENDA_BILLING_."""

from typing import ClassVar

from shared.settings import ServiceSettings


class BillingSettings(ServiceSettings):
    section: ClassVar[str] = "billing"
