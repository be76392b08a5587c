"""Refusals of purchase orders."""

from typing import ClassVar

from shared.errors import DomainError, Words

_STATES = {"open": ("open", "abierto"), "closed": ("closed", "cerrado"), "cancelled": ("cancelled", "anulado")}


class DuplicateOrder(DomainError):
    code, status = "duplicate-order", 409
    en = "There is an order {number} already."
    es = "Ya hay un pedido {number}."
    hint_en = "It is the one with `existing_id`; letter case and separators do not make another number."
    hint_es = "Es el de `existing_id`; ni las mayúsculas ni los separadores hacen otro número."


class OrderNotOpen(DomainError):
    code, status = "order-not-open", 409
    en = "Order {number} is {state}; only an open one can change or receive goods."
    es = "El pedido {number} está {state}; solo uno abierto puede cambiar o recibir mercancía."
    hint_en = "Place another order for what is still to come."
    hint_es = "Haga otro pedido para lo que falte por llegar."
    words: ClassVar[Words] = {"state": _STATES}


class OrderInUse(DomainError):
    code, status = "order-in-use", 409
    en = "Goods of order {number} were received or billed; it cannot be cancelled."
    es = "Se ha recibido o facturado mercancía del pedido {number}; no se puede anular."
    hint_en = "Close it instead: what was received and billed stays, and nothing more is expected."
    hint_es = "Ciérrelo: lo recibido y facturado se conserva y no se espera nada más."


class OrderLineInUse(DomainError):
    code, status = "order-line-in-use", 409
    en = "Line {reference} was received or billed; it cannot be left out, and its unit cannot change."
    es = "La línea {reference} se ha recibido o facturado; no se puede quitar ni cambiar su unidad."
    hint_en = "Keep the line under its reference; quantity and price may change."
    hint_es = "Conserve la línea con su referencia; la cantidad y el precio pueden cambiar."
