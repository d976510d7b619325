"""Weights and data inside Python packages, found without importing them, because some import torch."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from gallery.errors import EncoderError
from gallery.extras import pip


def package_file(package: str, name: str) -> Path:
    """Return the path of a file of an installed package.

    Raises:
        EncoderError: The package or the file is missing.
    """
    spec = find_spec(package)
    path = Path(spec.origin).parent / name if spec and spec.origin else None
    if path is None or not path.is_file():
        project = package.replace("_", "-")
        raise EncoderError(f"conse needs {name} of the package {project}: run {pip()} install --no-deps {project}")
    return path


def read_published(path: Path, sha256: str) -> bytes:
    """Read a file and check its digest.

    Raises:
        EncoderError: It is not the published file.
    """
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise EncoderError(f"{path} is not the published file; reinstall its package, or use another --encoder")
    return content
