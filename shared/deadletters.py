"""Dead letters: a message that cannot be handled, with its own headers, the reason, and where it stood."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared import clock
from shared.eventlog import LARGEST_MESSAGE, Message, Received, message_size
from shared.failures import first_line


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message set aside by a consumer group. `reason` is a stable word, `error` what was raised."""

    message: Received
    group: str
    reason: str
    error: BaseException

    @property
    def text(self) -> str:
        return first_line(self.error)

    def details(self) -> Mapping[str, str]:
        """Return what a log line says: no content and no key, which may be personal."""
        return {
            "reason": self.reason,
            "text": self.text[:300],
            "position": self._position,
            "traceparent": self.message.headers.get("ce_traceparent", ""),
        }

    @property
    def _position(self) -> str:
        return f"{self.message.topic}/{self.message.partition}/{self.message.offset}"

    def as_message(self) -> Message:
        """Return the message for `<topic>.dead`; one that would be too large is cut, the whole stays in its topic."""
        about = {
            "dead_reason": self.reason,
            "dead_text": self.text,
            "dead_group": self.group,
            "dead_position": self._position,
            "dead_at": clock.now().isoformat(),
        }
        topic = f"{self.message.topic}.dead"
        letter = Message(topic, self.message.key, self.message.value, {**self.message.headers, **about})
        if message_size(letter) <= LARGEST_MESSAGE:
            return letter
        about["dead_cut"] = f"of {len(self.message.value)} bytes"
        letter = Message(topic, self.message.key, b"", {**self.message.headers, **about})
        if message_size(letter) > LARGEST_MESSAGE:
            letter = Message(topic, self.message.key[:255], b"", about)
        room = LARGEST_MESSAGE - message_size(letter)
        return Message(topic, letter.key, self.message.value[:room], letter.headers)
