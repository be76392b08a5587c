"""Why a file cannot be read as an event log. Each stops the reading; what is wrong with single events never does."""

from typing import ClassVar

from shared.errors import DomainError, Words


class UnreadableLogError(DomainError):
    """Base of the refusals of a whole file."""

    status = 422


class EmptyLogError(UnreadableLogError):
    code = "event-log-empty"
    en = "The file is empty."
    es = "El fichero está vacío."
    hint_en = "Send the event log as the request's raw body."
    hint_es = "Envíe el registro de eventos como cuerpo de la petición."


class FormUploadError(UnreadableLogError):
    code, status = "event-log-form-upload", 415
    en = "The body is a form ({declared}); the event log is expected alone."
    es = "El cuerpo es un formulario ({declared}); se espera solo el registro de eventos."
    hint_en = "Send the file itself as the body: `curl --data-binary @FILE`, or `curl -X POST -T FILE`; not `-F`."
    hint_es = "Envíe el fichero como cuerpo: `curl --data-binary @FICHERO`, o `curl -X POST -T FICHERO`; no `-F`."


class UnknownFormatError(UnreadableLogError):
    code = "event-log-format-unknown"
    en = "The file is neither XES, CSV nor OCEL ({found})."
    es = "El fichero no es XES, CSV ni OCEL ({found})."
    hint_en = "Send XES, CSV or OCEL, plain or gzipped; unpack zip archives and export spreadsheets as CSV first."
    hint_es = (
        "Envíe XES, CSV u OCEL, tal cual o con gzip; descomprima antes los zip y exporte las hojas de cálculo a CSV."
    )


class DamagedArchiveError(UnreadableLogError):
    code = "event-log-gzip-damaged"
    en = "The gzip file is damaged: {reason}."
    es = "El fichero gzip está dañado: {reason}."
    hint_en = "Compress and send the log again; `gzip -t` tells whether a file is sound."
    hint_es = "Comprima y envíe de nuevo el registro; `gzip -t` dice si un fichero está sano."


class TruncatedLogError(UnreadableLogError):
    code = "event-log-truncated"
    en = "The file ends too early (line {line})."
    es = "El fichero termina antes de tiempo (línea {line})."
    hint_en = "Send the whole file again; nothing of it was imported."
    hint_es = "Envíe de nuevo el fichero entero; no se ha importado nada de él."


class TooLargeLogError(UnreadableLogError):
    code, status = "event-log-too-large", 413
    en = "The log is larger than {limit} bytes once unpacked."
    es = "El registro supera los {limit} bytes una vez descomprimido."
    hint_en = "Split the log by cases and import the parts."
    hint_es = "Divida el registro por casos e importe las partes."


class MalformedXmlError(UnreadableLogError):
    code = "event-log-xml-malformed"
    en = "The XML is not well-formed in line {line}: {reason}."
    es = "El XML no está bien formado en la línea {line}: {reason}."
    hint_en = "Export the log again; check that the encoding named in its first line is the file's own."
    hint_es = "Exporte de nuevo el registro; compruebe que la codificación de su primera línea es la del fichero."


class UnknownEncodingError(UnreadableLogError):
    code = "event-log-encoding-unknown"
    en = "The XML says that it is written in an encoding that is not read ({reason})."
    es = "El XML declara una codificación que no se lee ({reason})."
    hint_en = "Save the log as UTF-8 and say so in its first line; UTF-16 and single-byte encodings are read too."
    hint_es = "Guarde el registro en UTF-8 y dígalo en su primera línea; también se leen UTF-16 y las codificaciones de un byte."


class DoctypeRefusedError(UnreadableLogError):
    code = "event-log-doctype-refused"
    en = "The XML declares a document type, which is refused."
    es = "El XML declara un tipo de documento (DOCTYPE), y eso no se admite."
    hint_en = "Remove the DOCTYPE; XES needs none, and its entities could exhaust or read the server."
    hint_es = "Quite el DOCTYPE; XES no lo necesita y sus entidades podrían agotar o leer el servidor."


class NotXesError(UnreadableLogError):
    code = "event-log-not-xes"
    en = "The XML is no XES log: its root element is `{root}`, not `log`."
    es = "El XML no es un registro XES: su elemento raíz es `{root}`, no `log`."
    hint_en = "Export the log as XES or CSV; MXML and other dialects are not read."
    hint_es = "Exporte el registro como XES o CSV; MXML y otros dialectos no se leen."


class MalformedJsonError(UnreadableLogError):
    code = "event-log-json-malformed"
    en = "The JSON is not well-formed in line {line}: {reason}."
    es = "El JSON no está bien formado en la línea {line}: {reason}."
    hint_en = "Export the log again, as UTF-8."
    hint_es = "Exporte de nuevo el registro, en UTF-8."


class DamagedDatabaseError(UnreadableLogError):
    code = "event-log-sqlite-damaged"
    en = "The SQLite file cannot be read: {reason}."
    es = "El fichero SQLite no se puede leer: {reason}."
    hint_en = "Export the log again, or as JSON; `PRAGMA integrity_check` tells whether a file is sound."
    hint_es = "Exporte de nuevo el registro, o como JSON; `PRAGMA integrity_check` dice si un fichero está sano."


class NotOcelError(UnreadableLogError):
    code = "event-log-not-ocel"
    en = "The file is no object-centric log: it has no {missing}."
    es = "El fichero no es un registro centrado en objetos (OCEL): le falta {missing}."
    words: ClassVar[Words] = {"missing": {"events": ("events", "eventos"), "objects": ("objects", "objetos")}}
    hint_en = "Send OCEL 2.0 as JSON or SQLite, or OCEL 1.0 as JSON."
    hint_es = "Envíe OCEL 2.0 como JSON o SQLite, u OCEL 1.0 como JSON."


class CaseTypeNeededError(UnreadableLogError):
    code = "event-log-case-type-needed"
    en = "Which objects are the cases has to be said; the log has the types {found}."
    es = "Hay que decir qué objetos son los casos; el registro tiene los tipos {found}."
    hint_en = "Name one of them with case_object_type."
    hint_es = "Nombre uno de ellos con case_object_type."


class NoRoomError(UnreadableLogError):
    code, status = "event-log-no-room", 507
    en = "The server has no room to put the object-centric log together."
    es = "El servidor no tiene espacio para componer el registro centrado en objetos."
    hint_en = "Split the log by cases, or give the server's folder for temporary files (TMPDIR) more room."
    hint_es = "Divida el registro por casos o amplíe la carpeta de ficheros temporales del servidor (TMPDIR)."


class TooDeepError(UnreadableLogError):
    code = "event-log-too-deep"
    en = "The XML is nested deeper than {limit} levels."
    es = "El XML tiene más de {limit} niveles de anidamiento."
    hint_en = "Export the log without nested attributes."
    hint_es = "Exporte el registro sin atributos anidados."


class TooLongError(UnreadableLogError):
    code = "event-log-too-long"
    en = "One line, field or tag near line {line} is longer than {limit} bytes."
    es = "Una línea, un campo o una etiqueta cerca de la línea {line} supera los {limit} bytes."
    hint_en = "Remove large texts from the log; an import needs no comments or attachments."
    hint_es = "Quite los textos grandes del registro; una importación no necesita comentarios ni adjuntos."


class TooManyColumnsError(UnreadableLogError):
    code = "event-log-columns-too-many"
    en = "The CSV has more than {limit} columns."
    es = "El CSV tiene más de {limit} columnas."
    hint_en = "Export only the columns that an import uses: case, activity, time, resource, team, cost."
    hint_es = "Exporte solo las columnas que se usan: caso, actividad, momento, recurso, equipo, coste."


class TooManyEventsError(UnreadableLogError):
    code, status = "event-log-events-too-many", 413
    en = "The log has more than {limit} events."
    es = "El registro tiene más de {limit} eventos."
    hint_en = "Split the log by cases and import the parts; nothing of it was imported."
    hint_es = "Divida el registro por casos e importe las partes; no se ha importado nada de él."


class TooManyActivitiesError(UnreadableLogError):
    code = "event-log-activities-too-many"
    en = "The log has more than {limit} different activities."
    es = "El registro tiene más de {limit} actividades distintas."
    hint_en = "Check which column or attribute is the activity; a text that differs in every event is none."
    hint_es = "Compruebe qué columna o atributo es la actividad; un texto distinto en cada evento no lo es."


class MissingColumnError(UnreadableLogError):
    code = "event-log-column-missing"
    en = "The CSV has no column for {needed}; its columns are {found}."
    es = "El CSV no tiene columna para {needed}; sus columnas son {found}."
    hint_en = "Name the columns with case_column, activity_column and timestamp_column."
    hint_es = "Nombre las columnas con case_column, activity_column y timestamp_column."


class NothingReadableError(UnreadableLogError):
    code = "event-log-nothing-readable"
    en = "No event of the log could be used: {reasons}."
    es = "No se pudo usar ningún evento del registro: {reasons}."
    words: ClassVar[Words] = {"reasons": {"none": ("there are none", "no hay ninguno")}}
    hint_en = "An event needs a case, an activity and a time; `timestamp_format` tells how a CSV writes its times."
    hint_es = "Un evento necesita caso, actividad y momento; `timestamp_format` dice cómo escribe los momentos un CSV."


class UploadLostError(UnreadableLogError):
    code = "event-log-upload-lost"
    en = "The uploaded file is no longer in the store."
    es = "El fichero subido ya no está en el almacén."
    hint_en = "Send the log again; importing it twice changes nothing."
    hint_es = "Envíe de nuevo el registro; importarlo dos veces no cambia nada."


class UploadExpired(DomainError):
    code, status = "event-log-upload-expired", 408
    en = "The upload took too long, and what had arrived is gone."
    es = "La subida tardó demasiado y lo recibido se ha descartado."
    hint_en = "Send the log again, compressed with gzip or split by cases."
    hint_es = "Envíe de nuevo el registro, comprimido con gzip o dividido por casos."
