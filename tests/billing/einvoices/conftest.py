"""One judge for all tests that need no process of its own: compiling the rules takes a second or two."""

import pytest

from services.billing.einvoices.judge import Judge
from services.billing.einvoices.limits import Limits


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge(Limits())
