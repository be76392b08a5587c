"""Where things live, and who may use whom."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.registry import SERVICES

ROOT = Path(__file__).parents[2]
FORBIDDEN_NAMES = {"utils", "helpers", "manager", "base_service", "common"}
LAYERS = {"models": 0, "schemas": 1, "rules": 1, "errors": 1, "service": 2, "queries": 2, "routes": 3}


def sources(*parts: str) -> Iterator[Path]:
    for part in parts:
        for file in sorted((ROOT / part).rglob("*.py")):
            if "lib" not in file.parts and "__pycache__" not in file.parts:
                yield file


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_services_is_a_namespace_and_every_folder_below_a_package() -> None:
    assert not (ROOT / "services" / "__init__.py").exists()
    for part in ("shared", "gateway", "deploy", *(f"services/{name}" for name in SERVICES)):
        for file in sources(part):
            if "migrations" not in file.parts:
                assert (file.parent / "__init__.py").exists(), file.parent


def test_no_folder_or_module_is_named_for_nothing() -> None:
    for file in sources("shared", "services", "gateway", "deploy"):
        assert not FORBIDDEN_NAMES & {*file.relative_to(ROOT).parts[:-1], file.stem}, file


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_imports_only_itself_and_the_kernel(name: str) -> None:
    others = [f"services.{other}" for other in SERVICES if other != name] + ["gateway", "deploy"]
    for file in sources(f"services/{name}"):
        for imported in imports(file):
            assert not any(imported == other or imported.startswith(f"{other}.") for other in others), (file, imported)


def test_the_kernel_imports_no_part() -> None:
    for file in sources("shared"):
        for imported in imports(file):
            assert imported.split(".")[0] not in {"services", "gateway", "deploy", "tests"}, (file, imported)


def test_layers_of_a_slice_point_downwards() -> None:
    for file in sources("services"):
        if file.stem not in LAYERS:
            continue
        slice_name = ".".join(file.relative_to(ROOT).parts[:-1])
        for imported in imports(file):
            target = imported.removeprefix(f"{slice_name}.").split(".")[0]
            if imported.startswith(f"{slice_name}.") and target in LAYERS and target != file.stem:
                allowed = LAYERS[target] <= LAYERS[file.stem] or (file.stem, target) == ("schemas", "rules")
                assert allowed, f"{file.relative_to(ROOT)} imports {target}"


def test_rules_are_pure() -> None:
    impure = {"sqlalchemy", "fastapi", "asyncio", "shared.db", "shared.clock", "shared.storage", "httpx", "aiohttp"}
    for file in sources("services"):
        if file.stem == "rules":
            found = {name for name in imports(file) if name in impure or name.split(".")[0] in impure}
            assert not found, (file, found)


def test_nobody_commits_outside_the_kernel() -> None:
    for file in sources("services", "gateway", "deploy"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr != "commit", f"{file.relative_to(ROOT)}:{node.lineno}"


def test_sessions_end_before_the_answer_is_sent() -> None:
    text = (ROOT / "shared" / "db.py").read_text()
    for name in ("unit_of_work", "read_only"):
        assert f'Depends({name}, scope="function")' in text
    for file in sources("services", "shared"):
        for match in re.findall(r"Depends\((?:unit_of_work|read_only)[^)]*\)", file.read_text()):
            assert 'scope="function"' in match, file


def test_only_the_deployment_knows_every_service() -> None:
    for file in sources("shared", "gateway"):
        assert not re.search(r"services\.(documents|billing|hr|analytics)", file.read_text()), file
