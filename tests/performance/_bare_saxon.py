"""The control of `bench einvoice`: the official rules' compiled stylesheets in one process, a loop, and nothing else.

    python -m tests.performance._bare_saxon

It says "ready" and then answers each line that names a folder with the seconds its files took, by name, as JSON. Files ending in
`.ubl.xml` are judged by the rules of UBL, the others by those of CII. No door, no schema, no finding read from the report.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

from saxonche import PySaxonProcessor

from services.billing.einvoices.rule_sets import CII_RULES, UBL_RULES


def main() -> None:
    saxon = PySaxonProcessor(license=False)
    compiler = saxon.new_xslt30_processor()
    ubl, cii = (compiler.compile_stylesheet(stylesheet_file=str(rules.path)) for rules in (UBL_RULES, CII_RULES))

    def judge(file: Path, text: str) -> float:
        began = perf_counter()
        report = (ubl if file.name.endswith(".ubl.xml") else cii).transform_to_string(
            xdm_node=saxon.parse_xml(xml_text=text)
        )
        took = perf_counter() - began
        assert report
        assert 'flag="fatal"' not in report, file
        return took

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        files = {file: file.read_bytes().decode() for file in sorted(Path(line.strip()).iterdir())}
        sys.stdout.write(json.dumps([judge(file, text) for file, text in files.items()]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
