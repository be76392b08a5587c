"""Why a job ends without its files, and why a file is not on file. No route answers with these: jobs and rows tell them."""

from shared.errors import DomainError


class NotAnArchive(DomainError):
    code, status = "not-an-archive", 422
    en = "The body is no ZIP archive that can be read; see `reason`."
    es = "El cuerpo no es un archivo ZIP legible; vea `reason`."
    hint_en = "Send one ZIP archive with the invoice files, as the raw body; a single file goes to /billing/invoices/electronic."
    hint_es = (
        "Envíe un archivo ZIP con las facturas, como cuerpo sin envolver; una sola va a /billing/invoices/electronic."
    )


class TooManyFiles(DomainError):
    code, status = "too-many-files", 422
    en = "The archive has more than {limit} files."
    es = "El archivo contiene más de {limit} ficheros."
    hint_en = "Send them in several archives."
    hint_es = "Envíelos en varios archivos."


class BatchGone(DomainError):
    code, status = "batch-gone", 422
    en = "The archive was kept for {hours} hours and is gone; the files told of so far were dealt with."
    es = "El archivo se conservó {hours} horas y ya no está; los ficheros ya listados sí se procesaron."
    hint_en = "Send it again: what is on file already is told as a duplicate."
    hint_es = "Envíelo de nuevo: lo ya registrado se indicará como duplicado."


class UnreadableEntry(DomainError):
    code, status = "unreadable-entry", 422
    en = "The file cannot be taken out of the archive; see `reason`."
    es = "No se puede extraer el fichero del archivo; vea `reason`."
    hint_en = "Make the archive again, without a password, and send this file once more."
    hint_es = "Cree el archivo de nuevo, sin contraseña, y vuelva a enviar este fichero."


class EntryTooLarge(DomainError):
    code, status = "entry-too-large", 422
    en = "The file has more than {limit} bytes when it is unpacked."
    es = "El fichero supera los {limit} bytes una vez descomprimido."
    hint_en = "No invoice needs that much; send large attachments apart."
    hint_es = "Ninguna factura necesita tanto; envíe aparte los adjuntos grandes."
