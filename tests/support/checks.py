"""The results of the doctor's checks, as plain values to compare."""

import os
from datetime import datetime, timedelta
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.check import repaired
from huskies_core.doctor.examination import Checker, examine


def problems(context: Context) -> dict[str, str]:
    """Return the problems by the name of their check."""
    return {check.name: check.problem for check in examine(context) if check.problem}


def problems_of(checker: Checker, context: Context) -> dict[str, str]:
    """Return the problems of one subject by the name of their check."""
    return {check.name: check.problem for check in checker(context) if check.problem}


def fixed(context: Context) -> dict[str, str]:
    """Repair each problem when it is found. Return what was done by the name of the check."""
    return {check.name: check.fix for check in map(repaired, examine(context)) if check.fixed}


def age(path: Path, now: datetime, **span: float) -> Path:
    """Make a file that old and return it."""
    moment = (now - timedelta(**span)).timestamp()
    os.utime(path, (moment, moment), follow_symlinks=False)
    return path
