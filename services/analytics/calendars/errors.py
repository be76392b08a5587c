"""What is refused of a calendar, and of a question in working time."""

from shared.errors import DomainError


class UnknownCalendar(DomainError):
    code, status = "unknown-calendar", 422
    en = "There is no calendar {calendar}."
    es = "No hay ningún calendario {calendar}."
    hint_en = "GET /analytics/calendars lists them; PUT /analytics/calendars/{calendar} sets one."
    hint_es = "GET /analytics/calendars los muestra; PUT /analytics/calendars/{calendar} crea uno."


class CalendarMisplaced(DomainError):
    code, status = "calendar-misplaced", 422
    en = "{kpi} holds no time that a calendar changes; its value by the clock is the only one."
    es = "{kpi} no tiene ningún tiempo que un calendario cambie; su valor según el reloj es el único."
    hint_en = "Leave `calendar` out; case_throughput_time takes it."
    hint_es = "Omita `calendar`; case_throughput_time lo admite."
