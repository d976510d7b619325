"""The optional packages: which extra a module belongs to, and the command that installs it here."""

import os
import shlex
import sys
from pathlib import Path

_OF_MODULES = {
    "evaluate": "ir_measures pandas scipy sklearn",
    "judge": "markdown_it matplotlib onnxscript sentence_transformers torch torchvision transformers",
}
"""The modules that are imported without a sentence of their own about their absence."""


def install(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"{pip()} install 'gallery-search[{extra}]'"


def pip() -> str:
    """Return the pip of the environment that this process runs in, which need not be the first one in PATH."""
    own = Path(sys.prefix) / "bin" / "pip"
    beside = os.path.relpath(own)
    return shlex.quote(beside if not beside.startswith(os.pardir) else str(own)) if own.is_file() else "pip"


def extra_of(module: str | None) -> str | None:
    """Return the extra that a missing module belongs to; None if there is none.

    >>> extra_of("scipy.stats"), extra_of("numpy"), extra_of(None)
    ('evaluate', None, None)
    """
    package = (module or "").partition(".")[0]
    return next((extra for extra, modules in _OF_MODULES.items() if package in modules.split()), None)
