"""Refusals of intake. What is wrong with a file itself is refused at the door of electronic invoices."""

from typing import ClassVar

from shared.errors import DomainError, Words

_OBSTACLES = {
    "unreadable-value": ("a value is none of its kind", "un valor no es del tipo debido"),
    "rules-failed": ("the rules could not be applied", "no se pudieron aplicar las reglas"),
    "time-limit": ("it took too long", "tardó demasiado"),
    "memory-limit": ("it needed too much memory", "necesitó demasiada memoria"),
    "validator-ended": ("the validator ended", "el validador terminó"),
}


class UnusableInvoice(DomainError):
    code, status = "unusable-invoice", 422
    en = "The document does not say what an invoice on file needs; see `obstacles`. Nothing was stored."
    es = "El documento no dice lo que necesita una factura registrada; vea `obstacles`. No se ha guardado nada."
    hint_en = (
        "Each entry names a term of EN 16931 and whether it is missing or cannot be kept; ask for a corrected invoice."
    )
    hint_es = "Cada entrada nombra un término de EN 16931 y si falta o no se puede guardar; pida una factura corregida."


class UnreadInvoice(DomainError):
    code, status = "unread-invoice", 422
    en = "The document could not be read to its end ({obstacle}); nothing was stored."
    es = "No se pudo leer el documento hasta el final ({obstacle}); no se ha guardado nada."
    hint_en = "See `reason`. A value that is none has to be mended by the sender; after a time limit, try once more."
    hint_es = (
        "Vea `reason`. Un valor incorrecto debe corregirlo el emisor; tras un límite de tiempo, inténtelo otra vez."
    )
    words: ClassVar[Words] = {"obstacle": _OBSTACLES}


class IntakeExpired(DomainError):
    code, status = "intake-expired", 409
    en = "The intake was given up as dead before it ended; nothing was stored."
    es = "La entrada se dio por perdida antes de terminar; no se ha guardado nada."
    hint_en = "Send the file again."
    hint_es = "Envíe el archivo de nuevo."


class NoOriginal(DomainError):
    code, status = "no-original", 404
    en = "The invoice was keyed; it has no original here."
    es = "La factura se introdujo a mano; no tiene original aquí."
    hint_en = "Only invoices with the origin `electronic` or `document` have one."
    hint_es = "Solo lo tienen las facturas con origen `electronic` o `document`."
