"""A formula that an answer names: its id and version are part of the contract."""

from dataclasses import dataclass

from services.analytics.indicators.schemas import DefinitionOut
from shared.errors import Language


@dataclass(frozen=True, slots=True)
class Method:
    """A formula that changes is a new version; a text that only says it better is not."""

    id: str
    version: int
    en: str
    es: str

    def present(self, language: Language) -> DefinitionOut:
        return DefinitionOut(id=self.id, version=self.version, text=self.es if language == "es" else self.en)
