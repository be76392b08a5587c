"""`python -m deploy.kafka`: run the broker in the foreground and print its bootstrap address."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from deploy.kafka.broker import Broker
from deploy.kafka.libraries import available


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka", description=__doc__)
    parser.add_argument("--data", type=Path, help="keep the data in this folder instead of a temporary one")
    arguments = parser.parse_args()
    reason = available()
    if reason:
        print(f"Kafka cannot run here: {reason}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _interrupt)
    with Broker(arguments.data) as broker:
        print(broker.bootstrap, flush=True)
        try:
            return broker.wait()
        except KeyboardInterrupt:
            return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
