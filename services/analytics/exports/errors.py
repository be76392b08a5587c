"""Why there is no file to be had."""

from shared.errors import DomainError


class ExportNotReady(DomainError):
    code, status = "export-not-ready", 409
    en = "The export is {job_status}; its file is not there yet."
    es = "La exportación está en estado {job_status}; su fichero aún no existe."
    hint_en = "Ask for the job until its status is `succeeded`."
    hint_es = "Consulte el trabajo hasta que su estado sea `succeeded`."


class ExportFailed(DomainError):
    code, status = "export-failed", 409
    en = "The export failed; there is no file."
    es = "La exportación falló; no hay fichero."
    hint_en = "The job says why; order a new export."
    hint_es = "El trabajo dice por qué; pida una exportación nueva."


class ExportGone(DomainError):
    code, status = "export-gone", 410
    en = "The file was kept for {hours} hours and is gone."
    es = "El fichero se guardó {hours} horas y ya no existe."
    hint_en = "Order a new export; the same data give the same file."
    hint_es = "Pida una exportación nueva; los mismos datos dan el mismo fichero."


class PeriodBackwards(DomainError):
    code, status = "export-period-backwards", 422
    en = "The period ends ({end}) before it begins ({begin})."
    es = "El periodo termina ({end}) antes de empezar ({begin})."
    hint_en = "`from` is where it begins and `to` where it ends; swap them."
    hint_es = "`from` es donde empieza y `to` donde termina; intercámbielos."
