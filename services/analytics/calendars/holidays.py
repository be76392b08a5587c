"""Public holidays by country and region, from the `holidays` library."""

import warnings
from collections.abc import Mapping
from datetime import date, timedelta

from holidays import country_holidays, list_localized_countries, list_supported_countries

from shared.errors import DomainError, Language


class UnknownCountry(DomainError):
    code, status = "unknown-country", 422
    en = "No holidays are known for the country {country}."
    es = "No se conocen los festivos del país {country}."
    hint_en = "Give its ISO 3166 code, as ES or PT, or leave it out to have no day count as a holiday."
    hint_es = "Indique su código ISO 3166, como ES o PT, o no lo indique para que ningún día cuente como festivo."


class UnknownRegion(DomainError):
    code, status = "unknown-region", 422
    en = "No holidays are known for the region {region} of {country}."
    es = "No se conocen los festivos de la región {region} de {country}."
    hint_en = "The regions are named in `regions`; without one the holidays of the whole country count."
    hint_es = "Las regiones están en `regions`; sin ninguna cuentan los festivos de todo el país."


def read_holidays(
    country: str | None, region: str | None, first: date, last: date, language: Language
) -> Mapping[date, str]:
    """Return the name of each holiday from first to last, both included. Raises UnknownCountry, UnknownRegion.

    Names are in the caller's language where the country has them in it, else in the country's own.
    """
    if country is None:
        return {}
    check_place(country, region)
    known = country_holidays(
        country, subdiv=region, years=range(first.year, last.year + 1), language=_spoken(country, language)
    )
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return {day: known[day] for day in days if day in known}


def check_place(country: str, region: str | None) -> None:
    """Raise UnknownCountry or UnknownRegion for a place whose holidays the library does not know."""
    regions = list_supported_countries().get(country)
    if regions is None:
        raise UnknownCountry(country=country)
    if region is not None and region not in regions:
        raise UnknownRegion(region=region, country=country, regions=regions)


def public_days(country: str, region: str | None, first_year: int, last_year: int) -> list[date]:
    """Return every holiday that is known of these years, in order; of some countries the library knows fewer years."""
    with warnings.catch_warnings():
        # Our answers say from when to when holidays are known.
        warnings.filterwarnings("ignore", "Requested Holidays are available only from", UserWarning)
        return sorted(country_holidays(country, subdiv=region, years=range(first_year, last_year + 1)))


def _spoken(country: str, language: Language) -> str | None:
    """Return the language to name holidays in: never the machine's own, nor English where the caller's is missing."""
    wanted = "es" if language == "es" else "en_US"
    if wanted in list_localized_countries().get(country, ()):
        return wanted
    return country_holidays(country).default_language
