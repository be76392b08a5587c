"""Which kind of table an Accept header asks for (RFC 9110, 12.5.1)."""

from services.billing.exports.delimited import CsvWriter
from services.billing.exports.errors import NoSuchFormat
from services.billing.exports.schemas import Format
from services.billing.exports.workbook import XlsxWriter

_OFFERED: dict[Format, str] = {"csv": CsvWriter.media_type.partition(";")[0], "xlsx": XlsxWriter.media_type}


def accepted_format(accept: str | None) -> Format:
    """Return the better one by its weight, CSV when they are alike. Raises NoSuchFormat when neither is wanted."""
    if not accept:
        return "csv"
    said = [_parse(item) for item in accept.split(",") if item.strip()]
    weights = {kind: _weight(media_type, said) for kind, media_type in _OFFERED.items()}
    best = max(_OFFERED, key=weights.__getitem__)
    if weights[best] <= 0:
        raise NoSuchFormat(accepted=", ".join(f"`{media_type}`" for media_type in _OFFERED.values()))
    return best


def _parse(item: str) -> tuple[str, float]:
    """Return a range and its weight; one whose weight cannot be read is not wanted."""
    wanted, *parameters = (part.strip().lower() for part in item.split(";"))
    weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return wanted, float(weight)
    except ValueError:
        return wanted, 0.0


def _weight(media_type: str, said: list[tuple[str, float]]) -> float:
    """Return the weight of the range that fits a type most closely."""
    for fitting in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        weights = [weight for wanted, weight in said if wanted == fitting]
        if weights:
            return max(weights)
    return 0.0
