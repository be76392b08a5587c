"""Ask parts over HTTP whether they are ready."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback goes through no proxy


async def unready(urls: Iterable[str]) -> Mapping[str, str]:
    """Return why, for each address that does not answer 200 and ready."""
    asked = list(urls)
    answers = await asyncio.gather(*(asyncio.to_thread(reason_of, url) for url in asked))
    return {url: reason for url, reason in zip(asked, answers, strict=True) if reason}


def reason_of(url: str, timeout: float = 5.0) -> str:
    """Return why `url` is not ready, or nothing. The gateway is ready only when all its upstreams are."""
    try:
        with DIRECT.open(url, timeout=timeout) as answer:
            status = json.load(answer).get("status")
    except urllib.error.HTTPError as error:
        with error:
            return error.read(500).decode(errors="replace") or str(error)
    except (OSError, ValueError) as error:
        return str(error)
    return "" if status in {"ok", "ready"} else str(status)
