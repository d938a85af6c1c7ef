"""The runtimes that there are, found by their modules: one more is one more file."""

import pkgutil
from functools import cache
from importlib import import_module

from huskies_core import runtimes
from huskies_core.runtimes.runtime import Runtime

_OTHERS = frozenset({"counts", "registry", "runtime"})


@cache
def runtime_names() -> tuple[str, ...]:
    """As agents.toml writes them, sorted."""
    modules = (module.name for module in pkgutil.iter_modules(runtimes.__path__))
    return tuple(sorted(name.replace("_", "-") for name in modules if name not in _OTHERS))


def reader_module(name: str) -> str:
    """The module whose `make_reader` reads the output of such agents."""
    return f"{runtimes.__name__}.{name.replace('-', '_')}"


def load_runtime(name: str) -> Runtime:
    """The runtime of one of `runtime_names`."""
    runtime: Runtime = import_module(reader_module(name)).RUNTIME
    return runtime
