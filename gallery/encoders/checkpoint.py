"""Reading a checkpoint of torch's old format without torch, and without running any code that it holds.

The file is a row of pickles (a magic number, a version, the machine, the tensors, the names of the storages) and then
the storages themselves: each as its length followed by its numbers.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Weights = dict[str, NDArray[Any]]
_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class _View(NamedTuple):
    """A tensor: a strided view of a storage, counted in numbers."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows only ordered dicts and the parts of a tensor."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.types: dict[str, np.dtype[Any]] = {}

    def find_class(self, module: str, name: str) -> Callable[..., Any] | str:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _View(storage, offset, shape, strides)
        if module == "torch" and name in _TYPES:
            return name
        raise pickle.UnpicklingError(f"it holds {module}.{name}")

    def persistent_load(self, identity: tuple[str, str, str, str, int]) -> str:
        _, kind, key, *_ = identity
        self.types[key] = np.dtype(_TYPES[kind])
        return key


def read_checkpoint(content: bytes) -> Weights:
    """Return the arrays of a state dict by name. Positions in the file are trusted: check its digest first.

    Raises:
        pickle.UnpicklingError: It holds more than arrays.
    """
    file = io.BytesIO(content)
    for _ in range(3):
        _Unpickler(file).load()
    tensors = _Unpickler(file)
    views: dict[str, _View] = tensors.load()
    storages = {key: _read_storage(file, tensors.types[key]) for key in _Unpickler(file).load()}
    return {name: _array(storages[view.storage], view) for name, view in views.items()}


def _read_storage(file: io.BytesIO, kind: np.dtype[Any]) -> NDArray[Any]:
    length = int.from_bytes(file.read(8), "little")
    return np.frombuffer(file.read(length * kind.itemsize), kind)


def _array(storage: NDArray[Any], view: _View) -> NDArray[Any]:
    strides = [stride * storage.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, strides, writeable=False)
