"""`python -m stylekit`: the command line."""

import signal
import sys

from stylekit.cli import main, terminated

signal.signal(signal.SIGTERM, terminated)
sys.exit(main())
