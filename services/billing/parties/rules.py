"""When accounts are the same, and when an invoice of a supplier is due. Pure."""

import re
from datetime import date, timedelta

LEGAL_TERMS_DAYS = 30  # Ley 3/2004, art. 4.1: where nothing else was agreed
MOST_ALIASES = 50
LONGEST_NAME = 200
LONGEST_ACCOUNT = 100


def normalise_account(account: str) -> str:
    """Return an account without spaces and punctuation, in capitals."""
    return re.sub(r"[\W_]", "", account.upper())


def due_on(issue_date: date, terms_days: int | None) -> date:
    """Return when an invoice is due that does not say so itself."""
    return issue_date + timedelta(days=LEGAL_TERMS_DAYS if terms_days is None else terms_days)


def names_to_add(name: str, aliases: list[str], said: list[str]) -> list[str]:
    """Return the names that are neither the supplier's own nor known yet; case does not count."""
    known = {each.casefold() for each in (name, *aliases)}
    added: list[str] = []
    for each in said:
        if each.casefold() not in known and len(each) <= LONGEST_NAME:
            known.add(each.casefold())
            added.append(each)
    return added[: max(0, MOST_ALIASES - len(aliases))]
