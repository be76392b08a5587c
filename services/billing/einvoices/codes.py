"""Codes that more than one place asks about."""

# UNTDID 1001, the codes of BT-3 that EN 16931 gives to credit notes.
CREDIT_NOTE_CODES = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})
