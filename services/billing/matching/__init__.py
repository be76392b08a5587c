"""Matching: whether an invoice bills what was ordered and received, at the price agreed.

An invoice is compared line by line:

- **Which order line.** By its reference (BT-132), then by item (BT-156, BT-157, BT-155: the first kind that finds
  any), then, where no identifier can be compared, by description. A line that fits several order lines bills what
  has come of them, then what was ordered; the last one gets the rest. Another unit than the order's (BT-130,
  BT-150) is never converted.
- **Quantity.** All that was ever billed of an order line is one sum. It is compared with what was ordered and,
  unless `receipt_required` is false, with what was received. Receipts are used up in the order of their days. A
  credit note, or a negative quantity, makes the sum smaller.
- **Price**, apart: BT-146 by BT-149 against the order's, as an exact fraction, above or below. Charges (BT-141,
  BT-108) were not ordered.
"""
