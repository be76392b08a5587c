"""How much a file may ask for, and a validator process may take."""

from dataclasses import dataclass

LEVELS = 64


@dataclass(frozen=True, slots=True)
class Limits:
    elements: int = 500_000
    elements_by_rate: int = 5_000_000  # official rules look through all lines for each part of the VAT breakdown
    namespaces: int = 1_000  # declared in different ways; their number costs a validator its square
    levels: int = LEVELS
    attachments: int = 100
    attachment_bytes: int = 7_000_000


@dataclass(frozen=True, slots=True)
class PoolLimits:
    workers: int = 2
    ahead: bool = True  # started with the service; else with the first file, whose sender waits for them
    waiting: int = 16  # files that may wait for a process
    patience_s: float = 10.0  # how long one waits
    timeout_s: float = 20.0  # how long one may be judged
    documents: int = 1000  # then a process is replaced
    megabytes: int = 350  # what a process may hold between two files
    most_megabytes: int = 1024  # what it may hold while it judges one
