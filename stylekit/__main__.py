"""`python -m stylekit`: the command line."""

import sys

from stylekit.cli import main

sys.exit(main())
