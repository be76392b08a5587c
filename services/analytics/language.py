"""The caller's language, for texts that are part of an answer."""

from typing import Annotated

from fastapi import Depends, Header

from shared.errors import Language, preferred_language


async def _language(
    accept_language: Annotated[str | None, Header(description="`en` or `es`; English by default")] = None,
) -> Language:
    return preferred_language(accept_language)


CallerLanguage = Annotated[Language, Depends(_language)]
