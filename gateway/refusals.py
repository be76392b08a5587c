"""What the gateway itself refuses, and why."""

from collections.abc import Mapping
from math import ceil

from shared.errors import DomainError


class UnknownService(DomainError):
    code, status = "unknown-service", 404
    en = "No service answers under this address; the first part of the path names the service."
    es = "Ningún servicio responde en esta dirección; la primera parte de la ruta nombra el servicio."
    hint_en = "See /docs for what there is."
    hint_es = "Vea en /docs lo que hay."


class UnsafePath(DomainError):
    code, status = "unsafe-path", 400
    en = "The path has a `.` or `..` part, which servers read differently."
    es = "La ruta contiene una parte `.` o `..`, que cada servidor lee de otro modo."
    hint_en = "Send the path without such parts."
    hint_es = "Envíe la ruta sin esas partes."


class MalformedHeader(DomainError):
    code, status = "malformed-header", 400
    en = "A header's value is not UTF-8 text."
    es = "El valor de una cabecera no es texto UTF-8."
    hint_en = "Encode header values as UTF-8."
    hint_es = "Codifique los valores de las cabeceras en UTF-8."


class HeadersTooLarge(DomainError):
    code, status = "headers-too-large", 431
    en = "Address and headers are more than {limit} bytes, or {count} lines."
    es = "La dirección y las cabeceras pasan de {limit} bytes, o de {count} líneas."
    hint_en = "Send fewer or shorter headers; most often it is a cookie or the token that grew."
    hint_es = "Envíe menos cabeceras o más cortas; lo que crece suele ser una cookie o el token."


class BodyStalled(DomainError):
    code, status = "body-stalled", 408
    en = "The rest of the body did not arrive in time; nothing was stored."
    es = "El resto del cuerpo no llegó a tiempo; no se ha guardado nada."
    hint_en = "Send the request again with its whole body."
    hint_es = "Envíe de nuevo la petición con el cuerpo entero."


class _Pause(DomainError):
    """A refusal that ends by itself after `retry_after` seconds."""

    def __init__(self, *, retry_after: float, **values: object) -> None:
        seconds = max(1, ceil(retry_after))
        super().__init__(retry_after=seconds, **values)
        self.headers: Mapping[str, str] = {"Retry-After": str(seconds)}


class RateLimited(_Pause):
    code, status = "rate-limited", 429
    en = "This tenant's requests are used up: {limit} in {window} seconds."
    es = "Se han agotado las peticiones de esta organización: {limit} en {window} segundos."
    hint_en = "Wait for the seconds in Retry-After; RateLimit tells what is left."
    hint_es = "Espere los segundos de Retry-After; RateLimit dice cuántas quedan."


class ServiceUnavailable(_Pause):
    code, status = "service-unavailable", 503
    en = "The service {service} does not answer at the moment; nothing was sent to it."
    es = "El servicio {service} no responde en este momento; no se le ha enviado nada."
    hint_en = "Try again after the seconds in Retry-After."
    hint_es = "Inténtelo de nuevo pasados los segundos de Retry-After."


class ServiceUnreachable(DomainError):
    code, status = "service-unreachable", 502
    en = "The service {service} broke the connection or sent no valid answer; what was asked may have happened."
    es = "El servicio {service} cortó la conexión o no dio una respuesta válida; lo pedido puede haberse hecho."
    hint_en = "Look before you repeat what changes something, or send the same Idempotency-Key again."
    hint_es = "Compruébelo antes de repetir un cambio, o envíe otra vez la misma Idempotency-Key."


class ServiceTimeout(DomainError):
    code, status = "service-timeout", 504
    en = "The service {service} did not answer in time; what was asked may still happen."
    es = "El servicio {service} no respondió a tiempo; lo pedido aún puede hacerse."
    hint_en = "Look before you repeat what changes something, or send the same Idempotency-Key again."
    hint_es = "Compruébelo antes de repetir un cambio, o envíe otra vez la misma Idempotency-Key."
