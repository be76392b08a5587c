"""What invoices and suppliers are found and sorted by.

The generated columns rewrite both tables under an exclusive lock: while that goes on requests wait and, after 5 s, are told to
come again. So it is for a quiet hour where many invoices are on file. Indexes are built in the same transaction, which CONCURRENTLY could not be: a
migration is there as a whole or not at all.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_28_search"
down_revision = "2026_11_28_tolerances"
branch_labels = None
depends_on = None

# Letter case and accents do not count, whatever the database's locale: PG_UNICODE_FAST is built in. Compatible forms are
# one (full width, ligatures).
_FOLD = r"""
CREATE FUNCTION billing.fold(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
  regexp_replace(normalize(casefold(normalize(said, NFKD) COLLATE pg_catalog.pg_unicode_fast), NFKD), '[\u0300-\u036f]', '', 'g')
"""
# What German writes where it has no umlauts: Mueller is Müller.
_SPELL_OUT = """
CREATE FUNCTION billing.spell_out(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
  billing.fold(replace(replace(replace(casefold(normalize(said, NFKC) COLLATE pg_catalog.pg_unicode_fast), 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'))
"""
# The keys of the orders that are named, as `normalise_number` makes them, in small letters, between separators that no
# other text has.
_ORDER_KEYS = r"""
CREATE FUNCTION billing.order_keys(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
  chr(30) || btrim(regexp_replace(regexp_replace(
    billing.fold(said), '[^[:alnum:]]*[,;|][^[:alnum:]]*', chr(30), 'g'), '[^[:alnum:]\x1e]+', '-', 'g'), '-' || chr(30)) || chr(30)
"""
_NAMES = """
CREATE FUNCTION billing.fold_names(names text[]) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
  billing.fold(array_to_string(names, E'\\n')) || E'\\n' || billing.spell_out(array_to_string(names, E'\\n'))
"""
FUNCTIONS = {"fold(text)": _FOLD, "spell_out(text)": _SPELL_OUT, "order_keys(text)": _ORDER_KEYS, "fold_names(text[])": _NAMES}

# 583 characters at the most, since an entry of an index has 2,700 bytes and a character may take four.
INVOICE_SEARCH = (
    "left(billing.fold(number), 100) || E'\\n' || left(billing.fold(supplier_name), 150) || E'\\n' || "
    "left(billing.spell_out(supplier_name), 150) || E'\\n' || coalesce(left(billing.fold(purchase_order), 80) || E'\\n' || "
    "left(billing.order_keys(purchase_order), 100), '')"
)
SUPPLIER_SEARCH = "billing.fold(name) || E'\\n' || billing.spell_out(name) || E'\\n' || billing.fold_names(aliases::text[])"

SEARCHED = ["supplier_id", "origin", "is_credit_note", "issue_date", "due_date", "registered_at", "search"]

_RULE = "decided_by = 'billing.rules'"
_PERSON = "decided_by <> 'billing.rules'"
_WAITS = "status IN ('registered', 'validated', 'approved')"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for definition in FUNCTIONS.values():
        op.execute(definition)
    op.execute(
        f"ALTER TABLE billing.supplier_invoice ADD COLUMN search text NOT NULL GENERATED ALWAYS AS ({INVOICE_SEARCH}) STORED, "
        "ADD COLUMN gross_order double precision NOT NULL GENERATED ALWAYS AS (gross::double precision) STORED"
    )
    op.execute(f"ALTER TABLE billing.supplier ADD COLUMN search text NOT NULL GENERATED ALWAYS AS ({SUPPLIER_SEARCH}) STORED")
    index_invoices()
    op.create_index(
        "ix_invoice_hold_open_kind", "invoice_hold", ["tenant_id", "kind", "invoice_id"], postgresql_where=sa.text("released_at IS NULL"), schema="billing"
    )
    op.create_index("ix_invoice_match_tenant_id_verdict_invoice_id", "invoice_match", ["tenant_id", "verdict", "invoice_id"], schema="billing")
    op.create_index("ix_electronic_invoice_tenant_id_verdict_invoice_id", "electronic_invoice", ["tenant_id", "verdict", "invoice_id"], schema="billing")


def index_invoices() -> None:
    def index(name: str, *columns: object, **options: object) -> None:
        op.create_index(f"ix_supplier_invoice_{name}", "supplier_invoice", ["tenant_id", *columns, "id"], schema="billing", **options)

    index("search", postgresql_include=SEARCHED)
    index("tenant_id_supplier_id_id", "supplier_id")
    index("number", "number_key", postgresql_ops={"number_key": "text_pattern_ops"})
    index("tenant_id_issue_date_id", "issue_date")
    index("tenant_id_due_date_id", "due_date")
    index("waiting", "due_date", postgresql_where=sa.text(_WAITS))
    index("tenant_id_currency_gross_order_id", "currency", "gross_order")
    index("by_rule", postgresql_where=sa.text(_RULE))
    index("by_person", postgresql_where=sa.text(_PERSON))


def downgrade() -> None:
    op.drop_index("ix_electronic_invoice_tenant_id_verdict_invoice_id", "electronic_invoice", schema="billing")
    op.drop_index("ix_invoice_match_tenant_id_verdict_invoice_id", "invoice_match", schema="billing")
    op.drop_index("ix_invoice_hold_open_kind", "invoice_hold", schema="billing")
    for name in ("number", "tenant_id_supplier_id_id", "tenant_id_issue_date_id", "tenant_id_due_date_id", "waiting", "by_rule", "by_person"):
        op.drop_index(f"ix_supplier_invoice_{name}", "supplier_invoice", schema="billing")
    op.drop_column("supplier", "search", schema="billing")
    for name in ("search", "gross_order"):  # with their indexes
        op.drop_column("supplier_invoice", name, schema="billing")
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION billing.{name}")
