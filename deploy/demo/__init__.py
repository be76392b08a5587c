"""A small company's back office over six months, played through the services' own APIs into a tenant of its own.

In the middle of it the company lets automation register and check its supplier invoices; the indicators show it.
"""

from deploy.demo.clear import clear, drained
from deploy.demo.load import load

__all__ = ["clear", "drained", "load"]
