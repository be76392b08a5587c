"""Spanish people and companies: Faker's names, and our own layer for what it gets wrong.

Faker's es_ES locale gives identifiers without valid check characters, companies without the form their identifier
implies, and now and then one surname. Nothing here belongs to anyone: identifiers are drawn at random.
"""

import unicodedata
from dataclasses import dataclass
from random import Random

from faker import Faker

NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"  # Orden INT/2058/2008: the number modulo 23
_SECTORS = (
    "Papelería",
    "Suministros",
    "Limpiezas",
    "Transportes",
    "Asesoría",
    "Informática",
    "Instalaciones",
    "Imprenta",
)
_PLACES = ("Levante", "del Turia", "Montseny", "Guadarrama", "La Ribera", "Costa Brava", "Sierra Norte", "Albufera")
_MOBILE_FIRST = "67"


@dataclass(frozen=True, slots=True)
class Person:
    given_name: str
    family_name: str
    national_id: str
    email: str


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    tax_id: str


def nif(number: int) -> str:
    """Return a personal tax number (eight digits) with its check letter."""
    return f"{number:08d}{NIF_LETTERS[number % 23]}"


def cif(form: str, number: int) -> str:
    """Return a company's tax number: form letter, seven digits, check digit (RD 1065/2007, Orden EHA/451/2008)."""
    digits = [int(digit) for digit in f"{number:07d}"]
    odd = sum(sum(divmod(digit * 2, 10)) for digit in digits[::2])
    return f"{form}{number:07d}{-(odd + sum(digits[1::2])) % 10}"


class Cast:
    """Draws people and companies; the same random source gives the same ones."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._faker = Faker("es_ES")
        self._faker.seed_instance(random.getrandbits(32))

    def person(self) -> Person:
        """Return someone with two surnames and an address made from the name."""
        given = self._faker.first_name()
        first, second = self._surname(), self._surname()
        email = f"{_ascii(given)}.{_ascii(first)}{self._random.randrange(10, 99)}@example.com"
        return Person(given, f"{first} {second}", nif(self._random.randrange(10_000_000, 99_999_999)), email)

    def company(self) -> Company:
        """Return a company whose name and number agree on its legal form (A: S.A., B: S.L.)."""
        form, suffix = self._random.choice((("A", "S.A."), ("B", "S.L."), ("B", "S.L.")))
        name = f"{self._random.choice(_SECTORS)} {self._random.choice(_PLACES)}, {suffix}"
        return Company(name, cif(form, self._random.randrange(1_000_000, 9_999_999)))

    def _surname(self) -> str:
        """Return one surname; Faker sometimes gives two."""
        return str(self._faker.last_name()).split()[0]


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalnum())
