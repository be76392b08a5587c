"""A member of a consumer group that polls and never commits, to be killed: python member.py KIND URL GROUP PATTERN."""

import asyncio
import sys

from tests.fixtures.eventlog import LogPlace


async def main(kind: str, url: str, group: str, pattern: str) -> None:
    async with LogPlace(kind, url).opened() as log, log.subscribe(group, pattern) as subscription:
        while True:
            for message in await subscription.poll(10, 1.0):
                sys.stdout.write(f"{message.partition} {message.offset}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
