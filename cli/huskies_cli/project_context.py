"""Projects opened with the command line of this program, which ends of runs and background jobs execute."""

import sys
from functools import partial

from huskies_core import context

PROGRAM = (sys.executable, "-P", "-m", "huskies_cli.main")

open_context = partial(context.open_context, program=PROGRAM)
