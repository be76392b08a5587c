"""A real Apache Kafka broker (KRaft, one node) on loopback, for tests and development machines with Java."""

from deploy.kafka.broker import Broker, BrokerError
from deploy.kafka.libraries import available, resolve

__all__ = ["Broker", "BrokerError", "available", "resolve"]
