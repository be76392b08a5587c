"""`python -m deploy.cli`: what `./trastienda` becomes."""

import contextlib
import os
import sys

from deploy.cli.main import main


def run() -> int:
    """Run the command; typer ends by raising SystemExit."""
    try:
        return main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)


code = run()
for stream in (sys.stdout, sys.stderr):
    with contextlib.suppress(OSError, ValueError):  # whoever read us has gone
        stream.flush()
os._exit(code)  # taking the interpreter down module by module costs a good part of the time a stop may take
