"""A small company's back office over six months, played through the public APIs into a tenant of its own.

In the middle of it the company lets automation register and check its supplier invoices; the indicators show it.
"""

from deploy.demo.clear import clear
from deploy.demo.load import load

__all__ = ["clear", "load"]
