"""What a look at a project came to, as plain values that compare as a whole."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.check import Check, mended
from huskies_core.doctor.examination import Look, examine


def problems(context: Context) -> dict[str, str]:
    """What is not well, by the name of its check."""
    return {check.name: check.problem for check in examine(context) if check.problem}


def seen(look: Look, context: Context) -> dict[str, str]:
    """The same of one subject."""
    return {check.name: check.problem for check in look(context) if check.problem}


def fixed(context: Context) -> dict[str, str]:
    """Mends what can be, each as it is found; what was done, by the name of the check."""
    return {check.name: check.fix for check in map(mended, examine(context)) if check.fixed}


def unwell(found: Iterator[Check]) -> list[Check]:
    return [check for check in found if check.problem]


def age(path: Path, now: datetime, **span: float) -> Path:
    """Makes a file as old as that."""
    moment = (now - timedelta(**span)).timestamp()
    os.utime(path, (moment, moment), follow_symlinks=False)
    return path
