"""Configuration from the environment: `TRASTIENDA_NAME`, or `TRASTIENDA_<SERVICE>_NAME` for one service alone."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

PREFIX = "TRASTIENDA_"

# Read by the command line and the tests, not by services.
_ELSEWHERE = frozenset({"URL", "TOKEN", "TEST_DATA", "TEST_DATABASE_URL", "DATA"})


# Parts whose own settings may stand in the same environment; the deployment adds those it does not import.
SECTIONS: set[str] = set()


class UnknownSettingError(ValueError):
    """An environment variable with our prefix that nothing reads: most often a typing mistake."""


class Settings(BaseModel):
    """What every part can be told. There is no default secret: what is missing stops the start with its name."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)

    section: ClassVar[str] = ""

    environment: Literal["development", "production"] = "production"
    log_level: str = "INFO"
    database_url: SecretStr | None = None
    eventlog_url: SecretStr | None = None
    kafka_bootstrap: str | None = None
    s3_endpoint: str | None = None
    s3_public_endpoint: str | None = None
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    s3_region: str = "us-east-1"
    s3_bucket: str | None = None
    issuer: str | None = None
    audience: str = "trastienda"
    jwks_file: Path | None = None
    pseudonym_key: SecretStr | None = None
    body_limit: int = 5 * 1024**3
    json_limit: int = 1024**2
    request_timeout: float = 30.0
    database_pool: int = 5

    @field_validator("s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _names_a_host(cls, value: str | None) -> str | None:
        """Refuse what would be dropped without a word: signatures cover host and path, so a store has no path."""
        if value is None:
            return None
        address = urlsplit(value if "//" in value else f"http://{value}")
        if address.scheme not in {"http", "https"} or not address.hostname or address.path.strip("/") or address.query:
            raise ValueError("http://HOST[:PORT] or https://HOST[:PORT] is expected, without a path")
        return value

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment; a service's own name wins over the shared one.

        Raises UnknownSettingError for a name with our prefix that is no setting, pydantic's
        ValidationError for a value that does not fit.
        """
        environ = os.environ if environ is None else environ
        own = f"{PREFIX}{cls.section.upper()}_" if cls.section else PREFIX
        values: dict[str, Any] = {}
        for name in sorted((name for name in environ if environ[name]), key=len):  # empty is not set
            if name.startswith(own) and (field := name.removeprefix(own).lower()) in cls.model_fields:
                values[field] = environ[name]
            elif name.startswith(PREFIX) and (field := name.removeprefix(PREFIX).lower()) in cls.model_fields:
                values.setdefault(field, environ[name])
            elif name.startswith(PREFIX):
                cls._refuse_unknown(name, own)
        # One event log for all: a service with a database of its own still publishes where the others read.
        if shared := environ.get(f"{PREFIX}DATABASE_URL"):
            values.setdefault("eventlog_url", shared)
        return cls(**values)

    @classmethod
    def _refuse_unknown(cls, name: str, own: str) -> None:
        rest = name.removeprefix(PREFIX)
        section = rest.split("_")[0].lower()
        another_part = section in SECTIONS and section != cls.section
        if rest not in _ELSEWHERE and not another_part:
            known = ", ".join(sorted(f"{own}{field.upper()}" for field in cls.model_fields))
            raise UnknownSettingError(f"{name} is not a setting. Known here: {known}")

    def require(self, *names: str) -> None:
        """Raise ValueError naming every setting of `names` that is not set."""
        missing = [f"{PREFIX}{name.upper()}" for name in names if getattr(self, name) is None]
        if missing:
            raise ValueError(f"not set: {', '.join(missing)}")


class ServiceSettings(Settings):
    """Settings of one service; subclasses name their `section`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        SECTIONS.add(cls.section)
