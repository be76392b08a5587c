"""Refusals of records."""

from shared.errors import DomainError


class DuplicateContent(DomainError):
    code, status = "duplicate-content", 409
    en = "A record with exactly this content exists already."
    es = "Ya existe un documento con exactamente este contenido."
    hint_en = "It is the one with `existing_id`; send `duplicates=allow` to have a second record of it."
    hint_es = "Es el de `existing_id`; envíe `duplicates=allow` para crear otro registro del mismo contenido."


class EmptyContent(DomainError):
    code, status = "empty-content", 422
    en = "The body is empty; a record needs content."
    es = "El cuerpo está vacío; un documento necesita contenido."
    hint_en = "Send the bytes of the file as the body of the request."
    hint_es = "Envíe los bytes del fichero como cuerpo de la petición."


class FormUpload(DomainError):
    code, status = "form-upload", 415
    en = "The body is a form ({declared}); the content is expected alone."
    es = "El cuerpo es un formulario ({declared}); se espera solo el contenido."
    hint_en = (
        "Send the file itself as the body, its type as Content-Type and the rest in the query: "
        "`curl --data-binary @FILE`, or `curl -X POST -T FILE`; not `-F`."
    )
    hint_es = (
        "Envíe el fichero como cuerpo, su tipo en Content-Type y lo demás en la consulta: "
        "`curl --data-binary @FICHERO`, o `curl -X POST -T FICHERO`; no `-F`."
    )


class ExecutableContent(DomainError):
    code, status = "executable-content", 415
    en = "The content is a program; the archive takes none."
    es = "El contenido es un programa; el archivo no los admite."
    hint_en = "Neither its bytes nor its file name nor its Content-Type may be those of a program or script."
    hint_es = "Ni sus bytes ni su nombre ni su Content-Type pueden ser los de un programa o script."


class MediaTypeMismatch(DomainError):
    code, status = "media-type-mismatch", 415
    en = "The content was declared as {declared} but is {found}."
    es = "El contenido se declaró como {declared} pero es {found}."
    hint_en = "Send the right Content-Type, or application/octet-stream to have it found out."
    hint_es = "Envíe el Content-Type correcto, o application/octet-stream para que se averigüe."


class UploadExpired(DomainError):
    code, status = "upload-expired", 409
    en = "The upload was given up as dead before it ended; nothing was stored."
    es = "La subida se dio por perdida antes de terminar; no se ha guardado nada."
    hint_en = "Send it again."
    hint_es = "Envíela de nuevo."


class RangeNotSatisfiable(DomainError):
    code, status = "range-not-satisfiable", 416
    en = "The range lies outside the content, which has {size} bytes."
    es = "El rango queda fuera del contenido, que tiene {size} bytes."
    hint_en = "Bytes are counted from 0; leave `Range` out to get all of them."
    hint_es = "Los bytes se cuentan desde 0; omita `Range` para recibirlos todos."

    def __init__(self, size: int) -> None:
        super().__init__(size=size)
        self.headers = {"Content-Range": f"bytes */{size}"}
