"""HR's settings: the kernel's, under TRASTIENDA_HR_, and where its days begin."""

from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from shared.settings import ServiceSettings


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is not a time zone of the IANA database") from error
    return name


class HrSettings(ServiceSettings):
    section: ClassVar[str] = "hr"

    time_zone: Annotated[str, AfterValidator(_known_zone)] = "Europe/Madrid"
