"""Log histograms of durations: how they are cut into buckets and kept, written once, used to fold, rebuild and query.

Bucket 0 holds durations of 0; bucket b > 0 those in (GAMMA^(b-2), GAMMA^(b-1)] microseconds. Whatever lies in it is within
(GAMMA - 1) / (GAMMA + 1) = 0.99 % of its representative. A row of `rollup_histogram` holds eight neighbouring buckets
of one key (process, activity, team, kind of actor) and UTC day, one column each: rows add up column by column, and what
was added can be taken away the same way.

Day, key and block stand in one number, `place`: as columns of their own they made folding a third dearer. Key 0, which no
row of `rollup_key` has, is all keys together: whoever asks for no key reads its rows alone, a hundredth of all.
"""

from datetime import date, datetime
from math import ceil, log

GAMMA = 1.02
DURATIONS = ("touch", "wait", "lead")
OPERATION_KEY = ("process", "activity", "team", "actor_kind")
COUNTS = tuple(f"n{column}" for column in range(8))
ALL_KEYS = 0

_BLOCKS = 256  # of each duration: its last bucket, 2,047, begins at 12,000 years
_FIRST_DAY = date(1900, 1, 1)
_KEY_SHIFT, _DAY_SHIFT = 10, 42  # 3 x 256 blocks, then 32 bits of key


def bucket(us: str) -> str:
    """Return the SQL expression of the bucket of a duration in microseconds."""
    return f"CASE WHEN {us} = 0 THEN 0 ELSE 1 + ceil(ln({us}::float8) / {log(GAMMA)!r})::int END"


_DAYS = f"((finished_at AT TIME ZONE 'UTC')::date - date '{_FIRST_DAY}')::bigint"

# Beside `operation`: a row per duration that is known, with its number, its length and its bucket.
MEASURED = (
    "CROSS JOIN LATERAL (VALUES "
    + ", ".join(f"({number}, {name}_us)" for number, name in enumerate(DURATIONS))
    + f") AS duration (number, us) CROSS JOIN LATERAL (SELECT {bucket('us')} AS bucket) AS cut"
)
# Of a row of `rollup_histogram`.
KEY = f"((place >> {_KEY_SHIFT}) & {2**32 - 1})::int"
MOMENT = f"(date '{_FIRST_DAY}' + (place >> {_DAY_SHIFT})::int)::timestamp AT TIME ZONE 'UTC'"
NUMBER = f"((place & {2**_KEY_SHIFT - 1}) / {_BLOCKS})::int"
FIRST_BUCKET = f"((place & {_BLOCKS - 1}) * {len(COUNTS)})::int"

_PLACED = f"""
    SELECT tenant_id, bucket % {len(COUNTS)} AS cell,
           ({_DAYS} << {_DAY_SHIFT}) + (rollup_key.id::bigint << {_KEY_SHIFT})
           + number * {_BLOCKS} + bucket / {len(COUNTS)} AS place
    FROM {{operations}} JOIN rollup_key USING (tenant_id, {", ".join(OPERATION_KEY)}) {MEASURED} WHERE us IS NOT NULL"""  # noqa: S608 - constants of this module
SPREAD_COLUMNS = f"tenant_id, place, {', '.join(COUNTS)}"
SPREAD_ROWS = f"""
    WITH keyed AS MATERIALIZED (
        SELECT tenant_id, place,
               {", ".join(f"nullif(count(*) FILTER (WHERE cell = {n}), 0) AS {name}" for n, name in enumerate(COUNTS))}
        FROM ({_PLACED}) AS placed GROUP BY place, tenant_id
    )
    SELECT {SPREAD_COLUMNS} FROM keyed
    UNION ALL
    SELECT tenant_id, place & ({~((2**32 - 1) << _KEY_SHIFT)})::bigint AS place, {", ".join(f"sum({n}) AS {n}" for n in COUNTS)}
    FROM keyed GROUP BY 2, 1"""  # noqa: S608 - as above
# Ordered, so that two consumers cannot deadlock.
SPREAD = f"INSERT INTO rollup_histogram ({SPREAD_COLUMNS}) {SPREAD_ROWS} ORDER BY place, tenant_id"
ADDED = "ON CONFLICT (tenant_id, place) DO UPDATE SET " + ", ".join(
    f"{n} = CASE WHEN excluded.{n} IS NULL THEN rollup_histogram.{n} "
    f"ELSE coalesce(rollup_histogram.{n}, 0) + excluded.{n} END"
    for n in COUNTS
)


def rows_of_keys(keys: str) -> str:
    """Return the rows of some keys on the days that have any; `keys` selects `id`.

    `:first_day` and `:last_day` bind the days, from one on and before another; NULL is no bound.
    """
    return f"""
    SELECT one.*
    FROM (SELECT min(place) >> {_DAY_SHIFT} AS first, max(place) >> {_DAY_SHIFT} AS last FROM rollup_histogram) AS known
    CROSS JOIN LATERAL generate_series(greatest(known.first, cast(:first_day AS bigint)),
                                       least(known.last, cast(:last_day AS bigint) - 1)) AS day
    CROSS JOIN LATERAL (SELECT (day << {_DAY_SHIFT}) + (id::bigint << {_KEY_SHIFT}) AS begin FROM ({keys}) AS known) AS key
    CROSS JOIN LATERAL (SELECT * FROM rollup_histogram
                        WHERE place >= key.begin AND place < key.begin + {2**_KEY_SHIFT} OFFSET 0) AS one"""  # noqa: S608 - constants of this module


def day_number(moment: datetime | None) -> int | None:
    """Return the number of a midnight's day in a place."""
    return None if moment is None else (moment.date() - _FIRST_DAY).days


def first_place(day: date) -> int:
    """Return the place at which a day's rows begin."""
    return (day - _FIRST_DAY).days << _DAY_SHIFT


def kept_of_place(*, day: bool, key: bool) -> int:
    """Return the bits of a place that say its block and, where wanted, its day and its key."""
    return (day and ~((1 << _DAY_SHIFT) - 1)) | (key and ((2**32 - 1) << _KEY_SHIFT)) | ((1 << _KEY_SHIFT) - 1)


def bucket_of(microseconds: int) -> int:
    """Return the bucket of a duration; the twin of what the statements compute."""
    return 1 + ceil(log(microseconds) / log(GAMMA)) if microseconds else 0


def representative(bucket: int) -> float:
    """Return the microseconds that stand for a bucket, relatively as far from its one end as from the other."""
    return 2.0 * GAMMA ** (bucket - 1) / (GAMMA + 1) if bucket else 0.0
