"""What moved a value between two periods: parts that add up to the difference. Pure, in fractions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

DECIMALS = 12
_UNIT = 10**DECIMALS


@dataclass(frozen=True, slots=True)
class Share:
    """One group of a period: numerator / n is its value. `n` may be a fraction where cases are shared."""

    numerator: Fraction = Fraction()
    n: Fraction = Fraction()

    def __add__(self, other: "Share") -> "Share":
        return Share(self.numerator + other.numerator, self.n + other.n)

    @property
    def value(self) -> Fraction | None:
        return self.numerator / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Effect:
    """How much of the difference a group explains."""

    group: str | None
    now: Share
    before: Share
    mix: Fraction
    rate: Fraction

    @property
    def total(self) -> Fraction:
        return self.mix + self.rate


Shares = Mapping[str | None, Share]


def sum_shares(shares: Iterable[Share]) -> Share:
    return sum(shares, start=Share())


def decompose(now: Shares, before: Shares) -> list[Effect]:
    """Return every group's effect, largest first; they add up to the difference. Both periods need a value."""
    nothing = Share()
    whole_now, whole_before = sum_shares(now.values()), sum_shares(before.values())
    if whole_now.value is None or whole_before.value is None:
        raise ValueError("a period without value has no parts")
    centre = (whole_now.value + whole_before.value) / 2
    effects = []
    for group in {**now, **before}:
        mine, old = now.get(group, nothing), before.get(group, nothing)
        value, old_value = mine.value, old.value
        if value is None and old_value is None:
            continue
        value = old_value if value is None else value
        old_value = value if old_value is None else old_value
        assert value is not None
        assert old_value is not None
        share, old_share = mine.n / whole_now.n, old.n / whole_before.n
        mix = (share - old_share) * ((value + old_value) / 2 - centre)
        rate = (value - old_value) * (share + old_share) / 2
        effects.append(Effect(group, mine, old, mix, rate))
    return sorted(effects, key=lambda effect: (-abs(effect.total), effect.group or ""))


def round_parts(parts: Sequence[Fraction]) -> list[Decimal]:
    """Round to DECIMALS so that what is rounded adds up to the rounded sum; each moves by less than one unit."""
    scaled = [part * _UNIT for part in parts]
    units = [floor(part) for part in scaled]
    missing = round(sum(scaled, start=Fraction())) - sum(units)
    by_remainder = sorted(range(len(parts)), key=lambda place: units[place] - scaled[place])
    for place in by_remainder[:missing]:
        units[place] += 1
    return [as_decimal(unit) for unit in units]


def round_value(value: Fraction) -> Decimal:
    """Round half to even to DECIMALS, as the sum of `round_parts` is."""
    return as_decimal(round(value * _UNIT))


def as_decimal(units: int) -> Decimal:
    return Decimal(f"{units}e-{DECIMALS}")


def merge_small(now: Shares, before: Shares, fewest: int) -> tuple[Shares, Shares, frozenset[str | None]]:
    """Merge groups until none, in either period, tells of fewer than `fewest`, also by subtraction from the whole.

    Returns both periods and which groups were merged; what they are together stands under None.
    """
    groups = sorted({**now, **before}, key=lambda group: (min(_sizes(now, before, [group]), default=0), group or ""))
    merged = [group for group in groups if any(size < fewest for size in _sizes(now, before, [group]))]
    for group in groups:
        if group not in merged and any(size < fewest for size in _sizes(now, before, merged)):
            merged.append(group)
    hidden = frozenset([*merged, None] if merged else [])
    return _merged(now, hidden), _merged(before, hidden), hidden


def _sizes(now: Shares, before: Shares, groups: Sequence[str | None]) -> list[Fraction]:
    """Return how many each period has of these groups together, where it has some."""
    sizes = (
        sum((shares[group].n for group in groups if group in shares), start=Fraction()) for shares in (now, before)
    )
    return [size for size in sizes if size]


def _merged(shares: Shares, hidden: frozenset[str | None]) -> Shares:
    if not hidden:
        return shares
    kept = {group: share for group, share in shares.items() if group not in hidden}
    return kept | {None: sum_shares(shares[group] for group in hidden if group in shares)}
