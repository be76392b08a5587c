"""Settings of documents: the kernel's, under TRASTIENDA_DOCUMENTS_."""

from typing import ClassVar

from shared.settings import ServiceSettings


class DocumentsSettings(ServiceSettings):
    section: ClassVar[str] = "documents"
