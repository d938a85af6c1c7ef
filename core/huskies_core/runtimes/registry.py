"""Registry of the runtimes: each is a module of this package, and no list names them."""

import pkgutil
from functools import cache
from importlib import import_module

from huskies_core import runtimes
from huskies_core.runtimes.runtime import Runtime

_OTHER_MODULES = frozenset({"json_lines", "registry", "runtime"})


@cache
def runtime_names() -> tuple[str, ...]:
    """Return the names as in agents.toml, sorted."""
    modules = (module.name for module in pkgutil.iter_modules(runtimes.__path__))
    return tuple(sorted(name.replace("_", "-") for name in modules if name not in _OTHER_MODULES))


def reader_module(name: str) -> str:
    """Return the module of the runtime. Its `make_reader` returns a reader of the agents' output."""
    return f"{runtimes.__name__}.{name.replace('-', '_')}"


def load_runtime(name: str) -> Runtime:
    """Return the runtime of one of `runtime_names`."""
    runtime: Runtime = import_module(reader_module(name)).RUNTIME
    return runtime
