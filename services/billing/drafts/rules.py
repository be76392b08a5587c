"""What a document's text says of an invoice: every value with its place, none without. Pure.

Where labels lead to several values, the field is ambiguous and names them; nothing is guessed.
"""

import re
from collections.abc import Iterator, Sequence

from services.billing.drafts import words
from services.billing.drafts.amounts import find_amounts
from services.billing.drafts.dates import Dated, Order, find_dates, order_of
from services.billing.drafts.figures import read_figures
from services.billing.drafts.layout import Line, lines_of, places_after
from services.billing.drafts.numbers import read_account, read_accounts, read_tax_ids
from services.billing.drafts.shapes import Field, Reading, Seen, doubtful, settled

LONGEST_NUMBER, _MOST_WORDS, _BELOW_TITLE = 64, 3, 2
_SEARCHED = 20_000  # characters in which names are looked for
_MOST_CODES = 500
_NUMBER_WORD = re.compile(r"[A-Z0-9][A-Z0-9./_-]*", re.IGNORECASE)
_CODE = re.compile(r"(?<!\w)[A-Za-z0-9][A-Za-z0-9./_-]{3,39}(?!\w)")
_CURRENCY = re.compile(r"(?<![A-Z])(?:EUR|USD|GBP|CHF|SEK|NOK|DKK|PLN|CZK|CAD|AUD|MXN)(?![A-Za-z])|US\$|[€£$]")
_CURRENCY_LABEL = re.compile(r"currency|moneda|divisa|wahrung")
Ranked = tuple[int, Seen]


def read_pages(pages: Sequence[str], pages_read: int) -> Reading:
    """Return what the pages say of an invoice; of those that were not read the text is empty.

    Where some were not, a sum may be one of several: figures are left to a person. So they are where money comes back and
    the sign does not say so.
    """
    lines = lines_of(pages)
    language = language_of(lines)
    tax_ids, accounts = read_tax_ids(lines), read_accounts(lines)
    figures = read_figures(lines)
    if pages_read < len(pages) or _may_give_back(lines, figures["gross"]):
        figures = {name: doubtful([field.seen]) if field.seen else field for name, field in figures.items()}
    fields = {
        "number": read_number(lines),
        **read_days(lines, language),
        "currency": read_currency(lines),
        "account": read_account(lines, accounts),
        **figures,
    }
    return Reading(
        pages=len(pages),
        pages_read=pages_read,
        has_text=bool(lines),
        language=language,
        fields=fields,
        tax_ids=tuple(tax_ids),
        accounts=tuple(accounts),
        orders=tuple(_orders(lines)),
        codes=tuple(_codes(lines)),
        text=" ".join(" ".join(line.text.split()) for line in lines)[:_SEARCHED],
    )


def _may_give_back(lines: Sequence[Line], gross: Field) -> bool:
    """Tell whether a document calls itself a credit note, or a correction, and has figures without a minus."""
    is_negative = gross.seen is not None and str(gross.seen.value).startswith("-")
    cells = (line.folded[cell.start : cell.end] for line in lines for cell in line.cells)
    return not is_negative and any(words.CREDIT.match(cell) for cell in cells)


def language_of(lines: Sequence[Line]) -> str | None:
    """Return the language whose words are clearly more than those of the others."""
    counts = {
        name: sum(len(pattern.findall(line.folded)) for line in lines) for name, pattern in words.LANGUAGES.items()
    }
    first, second = sorted(counts, key=lambda name: counts[name], reverse=True)[:2]
    return first if counts[first] > 1.5 * counts[second] else None


def best_of(ranked: Sequence[Ranked]) -> list[Seen]:
    """Return the candidates of the strongest label."""
    if not ranked:
        return []
    best = min(rank for rank, _ in ranked)
    return [seen for rank, seen in ranked if rank == best]


def read_number(lines: Sequence[Line]) -> Field:
    return settled(best_of([each for line in lines for each in _numbers(line, lines)]))


def _numbers(line: Line, lines: Sequence[Line]) -> Iterator[Ranked]:
    labelled = [(0, match) for match in words.NUMBER.finditer(line.folded)]
    labelled += [(1, match) for match in words.BARE_NUMBER.finditer(line.folded)]
    if words.INVOICE_WORD.search(line.folded) or _is_under_title(line, lines):
        labelled += [(2, match) for match in words.NUMBER_IN_LINE.finditer(line.folded)]
    for rank, match in labelled:
        begin = line.start_of_cell(match.start()) if rank < 2 else 0  # noqa: PLR2004 - the weakest label
        if words.EARLIER.search(line.folded[begin : match.start()]):
            continue
        for place, start, end in places_after(lines, line, match.start(), match.end()):
            if rank and place is not line:
                break
            if number := number_in(place.text[start:end]):
                yield rank, place.seen(number, start, start + len(number))
                break
            if not words.NUMBER.search(place.folded[start:end]) and place is line:
                continue
            if place is line:
                break


def _is_under_title(line: Line, lines: Sequence[Line]) -> bool:
    """Tell whether a cell just above says nothing but that this is an invoice."""
    above = lines[max(0, line.index - _BELOW_TITLE) : line.index]
    return any(words.TITLE.fullmatch(each.folded[cell.start : cell.end]) for each in above for cell in each.cells)


def number_in(text: str) -> str:
    """Return the number at the beginning of a cell: all of it when it is nothing but codes, else its first word."""
    parts = text.strip(" :.#=").split(" ")
    if not parts or find_dates(text.strip(" :.#=").lower()[:12]):
        return ""
    is_whole = len(parts) <= _MOST_WORDS and all(_is_code(part) for part in parts)
    whole = " ".join(parts) if is_whole else parts[0].rstrip(".,;:)")
    is_number = _NUMBER_WORD.fullmatch(whole.replace(" ", "")) and any(each.isdigit() for each in whole)
    return whole if is_number and len(whole) <= LONGEST_NUMBER and not find_amounts(whole) else ""


def _is_code(part: str) -> bool:
    return bool(re.fullmatch(r"[A-Z0-9./_-]+", part)) and not find_dates(part.lower())


def read_days(lines: Sequence[Line], language: str | None) -> dict[str, Field]:
    """Return issue and due date. A day that may be two is one of them only if the document tells which."""
    found = [(line, dated) for line in lines for dated in find_dates(line.folded)]
    texts = [line.folded[dated.start : dated.end] for line, dated in found]
    order = order_of((dated for _, dated in found), texts, language)
    due = [each for line in lines for each in _labelled_days(line, lines, order, words.DUE, 0)]
    issued = [each for line in lines for each in _labelled_days(line, lines, order, words.ISSUED, 0)]
    issued += [each for line in lines for each in _labelled_days(line, lines, order, words.BARE_ISSUED, 1)]
    issued += [each for line in lines for each in _days_beside(line, order)]
    return {"issue_date": settled(best_of(issued)), "due_date": settled(best_of(due))}


def _labelled_days(
    line: Line, lines: Sequence[Line], order: Order | None, label: re.Pattern[str], rank: int
) -> Iterator[Ranked]:
    for match in label.finditer(line.folded):
        before = line.folded[line.start_of_cell(match.start()) : match.start()]
        if words.OTHER_DAY.search(before) or (rank and (before.strip() or _is_other_day(line, match.end()))):
            continue
        for place, start, end in places_after(lines, line, match.start(), match.end()):
            text = place.folded[start:end]
            if found := find_dates(text):
                if label is words.DUE and words.RELATIVE.search(text[: found[0].start]):
                    break  # so many days after another one
                meant = found if label is words.DUE and words.DISCOUNT.search(text) else found[:1]
                yield from ((rank, seen) for dated in meant for seen in _told_days(place, dated, start, order))
                break


def _is_other_day(line: Line, start: int) -> bool:
    """Tell whether a bare label goes on: `Datum der Lieferung`, `Fecha de vencimiento`."""
    rest = line.folded[start : start + 20].partition("  ")[0]
    return bool(words.OTHER_DAY.search(rest) or words.DUE.search(rest))


def _told_days(line: Line, dated: Dated, offset: int, order: Order | None) -> Iterator[Seen]:
    for day in dated.resolved(order):
        yield line.seen(day.isoformat(), offset + dated.start, offset + dated.end)


def _days_beside(line: Line, order: Order | None) -> Iterator[Ranked]:
    """Yield the one day of a line that names an invoice: `Invoice 17 of 1 March 2026`."""
    found = find_dates(line.folded)
    others = words.OTHER_DAY.search(line.folded) or words.DUE.search(line.folded)
    if len(found) == 1 and words.INVOICE_WORD.search(line.folded) and not others:
        yield from ((1, seen) for seen in _told_days(line, found[0], 0, order))


def read_currency(lines: Sequence[Line]) -> Field:
    ranked: list[Ranked] = []
    unsure: list[Ranked] = []
    for line in lines:
        has_amount = bool(find_amounts(line.text))
        for match in _CURRENCY.finditer(line.text):
            codes = words.SIGNS.get(match[0], (match[0],))
            if rank := _rank_of_currency(line, has_amount):
                into = ranked if len(codes) == 1 else unsure
                into.extend((rank, line.seen(code, match.start(), match.end())) for code in codes)
    return settled(best_of(ranked)) if ranked else doubtful(best_of(unsure))


def _rank_of_currency(line: Line, has_amount: bool) -> int:
    """Return how much a currency says here: in a total's line most, beside no amount nothing."""
    if _CURRENCY_LABEL.search(line.folded):
        return 1
    if words.STRONG_GROSS.search(line.folded) or words.GROSS.search(line.folded):
        return 2 if has_amount else 3
    return 3 if has_amount else 0


def _orders(lines: Sequence[Line]) -> Iterator[Seen]:
    for line in lines:
        for match in words.ORDER.finditer(line.folded):
            for place, start, end in places_after(lines, line, match.start(), match.end()):
                if number := number_in(place.text[start:end]):
                    yield place.seen(number, start, start + len(number))
                    break


def _codes(lines: Sequence[Line]) -> Iterator[Seen]:
    left = _MOST_CODES
    for line in lines:
        for match in _CODE.finditer(line.text):
            if any(each.isdigit() for each in match[0]) and left:
                left -= 1
                yield line.seen(match[0], match.start(), match.end())
