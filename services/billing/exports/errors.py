"""Why there is no table to be had."""

from shared.errors import DomainError


class ExportTooLarge(DomainError):
    code, status = "export-too-large", 422
    en = "The selection has more than {limit} rows, the most that one file has."
    es = "La selección tiene más de {limit} filas, el máximo de un fichero."
    hint_en = "Ask for parts of it, for example by `issued_from` and `issued_to`."
    hint_es = "Pídala por partes, por ejemplo con `issued_from` e `issued_to`."


class ExportsBusy(DomainError):
    code, status = "exports-busy", 503
    en = "As many exports are being written as may be at once."
    es = "Se están escribiendo tantas exportaciones como puede haber a la vez."
    hint_en = "Try again after the time in Retry-After, or ask for less."
    hint_es = "Inténtelo de nuevo pasado el tiempo de Retry-After, o pida menos."
    headers = {"Retry-After": "10"}  # noqa: RUF012 - declared as Mapping by the class above


class NoSuchFormat(DomainError):
    code, status = "not-acceptable", 406
    en = "There is no table of the kind that Accept asks for."
    es = "No hay tablas del tipo que pide Accept."
    hint_en = "Accept {accepted}, or say `format=csv` or `format=xlsx`."
    hint_es = "Acepte {accepted}, o indique `format=csv` o `format=xlsx`."


class DialectOfCsv(DomainError):
    code, status = "dialect-of-csv", 422
    en = "`dialect` says how CSV is written; a workbook has none."
    es = "`dialect` indica cómo se escribe el CSV; un libro de cálculo no lo tiene."
    hint_en = "Leave `dialect` out, or ask for CSV."
    hint_es = "Omita `dialect` o pida CSV."
