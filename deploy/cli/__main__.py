"""`python -m deploy.cli`: what `./trastienda` becomes."""

import sys

from deploy.cli.main import main

sys.exit(main())
