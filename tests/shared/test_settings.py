"""Configuration: the environment alone, unknown names refused, no secret shown."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.settings import ServiceSettings, Settings, UnknownSettingError
from tests.fakes.kit.app import KitSettings

URL = {"TRASTIENDA_DATABASE_URL": "postgresql://u:tiger@h/all"}


def url_of(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def test_a_services_own_name_wins_in_any_order() -> None:
    own = {"TRASTIENDA_KIT_DATABASE_URL": "postgresql://u:tiger@h/kit"}
    for environ in (URL | own, own | URL):
        assert url_of(KitSettings.load(environ)).endswith("/kit")
        assert url_of(Settings.load(environ)).endswith("/all")
    assert url_of(KitSettings.load(URL)).endswith("/all")


def test_the_environment_is_production_unless_it_is_said() -> None:
    assert KitSettings.load({}).environment == "production"
    assert KitSettings.load({"TRASTIENDA_ENVIRONMENT": "development"}).environment == "development"


@pytest.mark.parametrize(
    "name",
    ["TRASTIENDA_DATABSE_URL", "TRASTIENDA_KIT_POOL", "TRASTIENDA_", "TRASTIENDA_KIT", "TRASTIENDA_KITS_DATABASE_URL"],
)
def test_an_unknown_name_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(UnknownSettingError, match=f"{name} is not a setting"):
        KitSettings.load({name: "x"})


def test_names_of_others_are_left_alone() -> None:
    class OtherSettings(ServiceSettings):
        section = "other"

    environ = {"TRASTIENDA_OTHER_ANYTHING": "1", "TRASTIENDA_URL": "http://x", "PATH": "/bin", "TRASTIENDA_TOKEN": "t"}
    assert KitSettings.load(environ) == KitSettings.load({})
    with pytest.raises(UnknownSettingError):
        OtherSettings.load(environ)


def test_empty_is_not_set() -> None:
    """As a compose file passes on what nobody set."""
    settings = KitSettings.load(
        {"TRASTIENDA_DATABASE_URL": "", "TRASTIENDA_DATABASE_POOL": "", "TRASTIENDA_ISSUER": ""}
    )
    assert settings.database_pool == 5
    with pytest.raises(ValueError, match=r"not set: TRASTIENDA_DATABASE_URL, TRASTIENDA_ISSUER$"):
        settings.require("database_url", "issuer")


def test_values_must_fit_and_errors_show_none() -> None:
    for name in ("TRASTIENDA_DATABASE_POOL", "TRASTIENDA_ENVIRONMENT", "TRASTIENDA_REQUEST_TIMEOUT"):
        with pytest.raises(ValidationError) as failure:
            KitSettings.load({name: "tiger"})
        assert "tiger" not in str(failure.value)
        assert name.removeprefix("TRASTIENDA_").lower() in str(failure.value)


@pytest.mark.parametrize("name", ["TRASTIENDA_S3_ENDPOINT", "TRASTIENDA_S3_PUBLIC_ENDPOINT"])
def test_an_object_store_is_a_host_without_a_path(name: str) -> None:
    field = name.removeprefix("TRASTIENDA_").lower()
    for good in ("http://127.0.0.1:8333", "https://files.example/", "seaweedfs:8333", "http://[::1]:8333"):
        assert getattr(KitSettings.load({name: good}), field) == good
    for bad in ("https://example/s3", "https://example/?x=1", "s3://bucket", "https://", "//"):
        with pytest.raises(ValidationError, match=field):
            KitSettings.load({name: bad})


def test_a_service_may_have_a_public_object_store_of_its_own() -> None:
    environ = {"TRASTIENDA_S3_PUBLIC_ENDPOINT": "https://all", "TRASTIENDA_KIT_S3_PUBLIC_ENDPOINT": "https://kit"}
    assert KitSettings.load(environ).s3_public_endpoint == "https://kit"
    assert Settings.load({"TRASTIENDA_S3_PUBLIC_ENDPOINT": "https://all"}).s3_public_endpoint == "https://all"


def test_no_secret_is_shown() -> None:
    secrets = {"TRASTIENDA_S3_SECRET_KEY": "tiger", "TRASTIENDA_PSEUDONYM_KEY": "tiger"}
    settings = KitSettings.load(URL | secrets)
    assert "tiger" not in repr(settings)
    assert "tiger" not in str(settings)
    assert "tiger" not in str(settings.model_dump())


def test_nothing_else_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("TRASTIENDA_DATABASE_URL=postgresql://from/file\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "postgresql://from/elsewhere")
    assert KitSettings.load().database_url is None
    with pytest.raises(ValidationError):
        KitSettings.load({}).database_pool = 7  # type: ignore[misc] # frozen: that is the point
