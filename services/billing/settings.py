"""Billing's settings: the kernel's, under TRASTIENDA_BILLING_."""

from typing import ClassVar

from pydantic import Field

from services.billing.einvoices.limits import Limits, PoolLimits
from shared.settings import ServiceSettings


class BillingSettings(ServiceSettings):
    """The validator and renderer processes, and what a file may ask of them."""

    section: ClassVar[str] = "billing"

    einvoice_bytes: int = Field(default=20_000_000, ge=1)
    einvoice_elements: int = Field(default=500_000, ge=1)
    batch_bytes: int = Field(default=100_000_000, ge=1)
    validator_workers: int = Field(default=2, ge=1, le=64)
    validator_waiting: int = Field(default=16, ge=1)
    validator_patience: float = Field(default=10.0, gt=0)
    validator_timeout: float = Field(default=20.0, gt=0)
    validator_documents: int = Field(default=1000, ge=1)
    validator_megabytes: int = Field(default=350, ge=1)
    renderer_workers: int = Field(default=1, ge=1, le=64)
    renderer_waiting: int = Field(default=16, ge=1)
    renderer_patience: float = Field(default=10.0, gt=0)
    renderer_timeout: float = Field(default=20.0, gt=0)
    renderer_megabytes: int = Field(default=350, ge=1)
    renderer_most_megabytes: int = Field(default=1024, ge=1)

    @property
    def document_limits(self) -> Limits:
        return Limits(elements=self.einvoice_elements)

    @property
    def pool_limits(self) -> PoolLimits:
        return PoolLimits(
            workers=self.validator_workers,
            ahead=self.environment == "production",  # who tries things out has 500 MB more until the first file
            waiting=self.validator_waiting,
            patience_s=self.validator_patience,
            timeout_s=self.validator_timeout,
            documents=self.validator_documents,
            megabytes=self.validator_megabytes,
        )

    @property
    def renderer_limits(self) -> PoolLimits:
        return PoolLimits(
            workers=self.renderer_workers,
            ahead=self.environment == "production",
            waiting=self.renderer_waiting,
            patience_s=self.renderer_patience,
            timeout_s=self.renderer_timeout,
            megabytes=self.renderer_megabytes,
            most_megabytes=self.renderer_most_megabytes,
        )
