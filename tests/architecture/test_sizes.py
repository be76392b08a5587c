"""Files and functions stay small enough to read in one sitting."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("shared", "services", "gateway", "deploy")
SOURCES = sorted(
    file
    for part in (*PARTS, "tests")
    for file in (ROOT / part).rglob("*.py")
    if not {"versions", "lib", "__pycache__"} & set(file.relative_to(ROOT).parts)
)
LONGEST_FILE, LONGEST_FUNCTION = 400, 50
# Lines of code: without blank lines, comments and docstrings. The event log's two adapters are counted apart.
KERNEL_CODE, ADAPTER_CODE = 2_600, 1_000


def lines_of(file: Path) -> int:
    return len(file.read_text().splitlines())


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and length of each function, without what nests in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = sum(
                (part.end_lineno or 0) - part.lineno + 1
                for part in ast.walk(node)
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part is not node
            )
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - inner


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_file_or_function_is_too_long(file: Path) -> None:
    assert lines_of(file) <= LONGEST_FILE
    assert [name for name, length in functions(file) if length > LONGEST_FUNCTION] == []


def code_lines(file: Path) -> int:
    """Count the lines that are code."""
    source = file.read_text()
    texts: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            texts.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") and number not in texts for number, line in lines
    )


def test_the_kernel_stays_small() -> None:
    files = {file for file in (ROOT / "shared").rglob("*.py") if "contracts" not in file.parts}
    adapters = {file for file in files if file.parent.name == "eventlog"}
    assert sum(map(code_lines, files - adapters)) <= KERNEL_CODE
    assert sum(map(code_lines, adapters)) <= ADAPTER_CODE


def test_functions_are_short_on_the_whole() -> None:
    lengths = sorted(length for file in SOURCES if "tests" not in file.parts for _, length in functions(file))
    assert statistics.median(lengths) <= 8
    assert lengths[int(len(lengths) * 0.95)] <= 30
