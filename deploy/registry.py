"""The services by name; each is imported when it is asked for, so that one image can lack the others."""

from importlib import import_module
from typing import TYPE_CHECKING

from shared.settings import SECTIONS

if TYPE_CHECKING:
    from shared.app import Service

SERVICES = ("documents", "billing", "hr", "analytics")
GATEWAY = "gateway"
SECTIONS.update(SERVICES, {GATEWAY})


def load_service(name: str) -> "Service":
    """Return a service's description. Raises KeyError for a name that is none."""
    if name not in SERVICES:
        raise KeyError(name)
    service: Service = import_module(f"services.{name}.app").SERVICE
    return service
