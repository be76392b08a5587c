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
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_KERNEL = 400, 50, 2_500


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


def test_the_kernel_stays_small() -> None:
    assert sum(lines_of(file) for file in (ROOT / "shared").rglob("*.py")) <= LONGEST_KERNEL


def test_functions_are_short_on_the_whole() -> None:
    lengths = sorted(
        length for file in SOURCES if "tests" not in file.parts for _, length in functions(file)
    )
    assert statistics.median(lengths) <= 8
    assert lengths[int(len(lengths) * 0.95)] <= 30
