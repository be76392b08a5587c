"""The services by name; each is imported when it is asked for, so that one image can lack the others."""

from importlib import import_module

from shared.app import Service
from shared.settings import SECTIONS

SERVICES = ("documents", "billing", "hr", "analytics")
SECTIONS.update(SERVICES, {"gateway"})


def load_service(name: str) -> Service:
    """Return a service's description. Raises KeyError for a name that is none."""
    if name not in SERVICES:
        raise KeyError(name)
    service: Service = import_module(f"services.{name}.app").SERVICE
    return service
