"""Fixtures that every test may ask for; each lives in its own file under tests/fixtures."""

from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures"

pytest_plugins = [f"tests.fixtures.{file.stem}" for file in sorted(FIXTURES.glob("*.py"))]
