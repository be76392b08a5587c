"""Refusals at the door: what is no invoice that could be judged. A judged invoice is never refused, whatever is wrong."""

from typing import ClassVar

from shared.errors import DomainError, Words

_THINGS = {
    "elements": ("elements", "elementos"),
    "levels": ("levels of nesting", "niveles de anidamiento"),
    "attachments": ("attachments", "adjuntos"),
    "attachment-bytes": ("bytes in one attachment", "bytes en un adjunto"),
    "text-bytes": ("bytes in one text", "bytes en un texto"),
    "elements-by-rate": (
        "elements, counted once for each part of the VAT breakdown",
        "elementos, contados una vez por cada parte del desglose del IVA",
    ),
    "namespaces": ("namespaces declared", "espacios de nombres declarados"),
}


class NotAnInvoiceFile(DomainError):
    code, status = "not-an-invoice-file", 415
    en = "The body is neither XML nor PDF."
    es = "El cuerpo no es ni XML ni PDF."
    hint_en = "Send the invoice file as it was received: UBL, CII, Facturae or a Factur-X/ZUGFeRD PDF, as the raw body."
    hint_es = (
        "Envíe el archivo tal como se recibió: UBL, CII, Facturae o un PDF Factur-X/ZUGFeRD, como cuerpo sin envolver."
    )


class DoctypeRefused(DomainError):
    code, status = "doctype-refused", 422
    en = "The document has a DOCTYPE, which no electronic invoice may have."
    es = "El documento contiene un DOCTYPE, que ninguna factura electrónica puede llevar."
    hint_en = "Remove the DOCTYPE and every entity it declares."
    hint_es = "Quite el DOCTYPE y las entidades que declare."


class EncodingRefused(DomainError):
    code, status = "encoding-refused", 422
    en = "The document's characters cannot be read as {encoding}."
    es = "Los caracteres del documento no se pueden leer como {encoding}."
    hint_en = "Save it as UTF-8 and say so in its first line, or leave the encoding out."
    hint_es = "Guárdelo en UTF-8 e indíquelo en la primera línea, o no indique codificación."


class MalformedXml(DomainError):
    code, status = "malformed-xml", 422
    en = "The document is not well-formed XML: line {line}, column {column}."
    es = "El documento no es XML bien formado: línea {line}, columna {column}."
    hint_en = "Export the invoice again; a file that was cut off or edited by hand looks like this."
    hint_es = "Exporte la factura de nuevo; así queda un archivo cortado o editado a mano."


class TooMuchStructure(DomainError):
    code, status = "too-much-structure", 422
    en = "The document has more than {limit} {what}."
    es = "El documento tiene más de {limit} {what}."
    hint_en = "No invoice needs that much; send it in parts, and large attachments apart."
    hint_es = "Ninguna factura necesita tanto; envíela en partes, y los adjuntos grandes aparte."
    words: ClassVar[Words] = {"what": _THINGS}


class UnknownInvoiceFormat(DomainError):
    code, status = "unknown-invoice-format", 422
    en = "The document's root is {root}; that is no invoice format known here."
    es = "El elemento raíz del documento es {root}; no es un formato de factura conocido aquí."
    hint_en = (
        "Known are UBL 2.1 Invoice and CreditNote, UN/CEFACT CrossIndustryInvoice, and Facturae 3.2, 3.2.1 and 3.2.2."
    )
    hint_es = (
        "Se conocen Invoice y CreditNote de UBL 2.1, CrossIndustryInvoice de UN/CEFACT y Facturae 3.2, 3.2.1 y 3.2.2."
    )


class SeveralInvoices(DomainError):
    code, status = "several-invoices", 422
    en = "The file holds a batch of {count} invoices; one verdict is about one invoice."
    es = "El archivo contiene un lote de {count} facturas; un veredicto trata de una sola factura."
    hint_en = "Send each invoice in a file of its own. Of Facturae that is Modality I: a signature covers the whole batch and must be made again."
    hint_es = "Envíe cada factura en su propio archivo. En Facturae es Modality I: la firma cubre el lote entero y debe hacerse de nuevo."


class LockedPdf(DomainError):
    code, status = "locked-pdf", 422
    en = "The PDF needs a password."
    es = "El PDF pide una contraseña."
    hint_en = "Ask the sender for the file without one; PDF/A, which a hybrid invoice is, forbids encryption."
    hint_es = "Pida al emisor el archivo sin ella; PDF/A, el formato de la factura híbrida, prohíbe el cifrado."


class BrokenPdf(DomainError):
    code, status = "broken-pdf", 422
    en = "The PDF cannot be read; see `reason`."
    es = "No se puede leer el PDF; vea `reason`."
    hint_en = "Download or export the file again; it may have been cut off."
    hint_es = "Descargue o exporte el archivo de nuevo; puede estar cortado."


class PdfWithoutInvoice(DomainError):
    code, status = "pdf-without-invoice", 422
    en = "The PDF holds no electronic invoice; its attachments are: {attachments}"
    es = "El PDF no contiene ninguna factura electrónica; sus adjuntos son: {attachments}"
    hint_en = "A hybrid invoice carries factur-x.xml, zugferd-invoice.xml or xrechnung.xml. Send a plain PDF to POST /billing/drafts."
    hint_es = "Una factura híbrida lleva factur-x.xml, zugferd-invoice.xml o xrechnung.xml. Un PDF corriente va a POST /billing/drafts."


class ElectronicInvoiceInside(DomainError):
    code, status = "electronic-invoice-inside", 422
    en = "The PDF holds an electronic invoice, {attachment}, which is to be read rather than the page."
    es = "El PDF contiene una factura electrónica, {attachment}; es esa la que se lee, no la página."
    hint_en = "Send the same file to POST /billing/invoices/electronic."
    hint_es = "Envíe el mismo archivo a POST /billing/invoices/electronic."


class ValidatorsBusy(DomainError):
    code, status = "validators-busy", 503
    en = "Every validator is at work or still starting; nothing was stored."
    es = "Todos los validadores están ocupados o arrancando; no se ha guardado nada."
    hint_en = "Try again after the time in Retry-After."
    hint_es = "Inténtelo de nuevo pasado el tiempo de Retry-After."
    headers = {"Retry-After": "2"}  # noqa: RUF012 - declared as Mapping by the class above


AT_THE_DOOR: dict[str, type[DomainError]] = {
    refusal.code: refusal
    for refusal in (
        NotAnInvoiceFile,
        DoctypeRefused,
        EncodingRefused,
        MalformedXml,
        TooMuchStructure,
        UnknownInvoiceFormat,
        SeveralInvoices,
        LockedPdf,
        BrokenPdf,
        PdfWithoutInvoice,
    )
}
AT_THE_DOOR_OF_DOCUMENTS: dict[str, type[DomainError]] = {
    refusal.code: refusal for refusal in (LockedPdf, BrokenPdf, ElectronicInvoiceInside)
}
