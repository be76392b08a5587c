"""How the event log talks to Kafka: which errors mean that it is away, and how a client is ended."""

import asyncio
import logging
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

from aiokafka import errors

from shared.eventlog import LogUnavailableError

# Trying again does not cure these: they are raised as they are.
_LASTING = (
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.ClusterAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.InvalidConfigurationError,
    errors.InvalidReplicationFactorError,
    errors.InvalidTopicError,
    errors.MessageSizeTooLargeError,
    errors.PolicyViolationError,
    errors.RecordListTooLargeError,
    errors.TopicAuthorizationFailedError,
    errors.UnsupportedCodecError,
    errors.UnsupportedVersionError,
)
_CLOSE_S = 5.0
logger = logging.getLogger(__name__)


@contextmanager
def translated() -> Iterator[None]:
    """Raise LogUnavailableError for what trying again may cure."""
    try:
        yield
    except _LASTING:
        raise
    except (errors.KafkaError, errors.ConsumerStoppedError, OSError, TimeoutError) as error:
        raise LogUnavailableError(f"Kafka: {type(error).__name__}: {error}") from error


async def end(closing: Awaitable[None]) -> None:
    """Await a client's stop or close for a while: a broker that is away must not keep this process alive."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await closing
    except Exception as error:  # noqa: BLE001 - nothing is lost: the broker drops what a client leaves behind
        logger.warning("a Kafka client did not close in order", extra={"reason": repr(error)})
