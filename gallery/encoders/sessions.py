"""ONNX Runtime sessions: the device, the number of threads, and what is kept in memory."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gallery.errors import EncoderError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

CPU = "CPUExecutionProvider"
PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": CPU,
}
"""What `DEVICE` may name, in the order of preference."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where a graph is computed.

    Attributes:
        name: One of `PROVIDERS`.
        number: Which of several GPUs.
    """

    name: str = "cpu"
    number: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.number}" if self.number else self.name

    @property
    def is_cpu(self) -> bool:
        """Whether it is the processor."""
        return self.name == "cpu"


def available_devices() -> list[str]:
    """Return the possible values of `DEVICE` here, best first, from what the installed onnxruntime offers."""
    import onnxruntime

    offered = onnxruntime.get_available_providers()
    return [name for name, provider in PROVIDERS.items() if provider in offered]


def choose_device(wanted: str | None) -> Device:
    """Return the device that `DEVICE` names, by default the best one that the installed onnxruntime offers.

    Raises:
        EncoderError: There is no such device here.
    """
    available = available_devices()
    if not wanted:
        return Device(available[0])
    name, _, number = wanted.lower().partition(":")
    if name not in available or (number and not number.isdecimal()):
        raise EncoderError(
            f"DEVICE {wanted} is not available here; use {' or '.join(available)}, or install the onnxruntime package "
            "for your device (docs/encoders.md)"
        )
    return Device(name, int(number or 0))


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_session(
    graph: Path | bytes, device: Device, *, threads: int, packed: bool, fused: bool = True
) -> "InferenceSession":
    """Open a graph for running.

    Args:
        graph: The ONNX file, or its contents.
        device: Where it is computed.
        threads: How many threads one run uses on the processor.
        packed: Whether to rearrange weights for speed first, which pays for many pictures, not for a single query. It
            takes 0.3 s for a ViT-B/32, and makes each run about 15 % faster.
        fused: Whether to fuse operators first. Text graphs run no faster with it, because folders hold simplified
            graphs. Without it, CLIP's text tower opens in 13 ms instead of 30.

    Raises:
        EncoderError: The graph cannot be opened on this device.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while waiting take processor time from others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not packed:
        options.add_session_config_entry("session.disable_prepacking", "1")
    if not fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        # By default, the runtime converts all 16-bit weights first and holds them; in the graph's order, one at a time.
        options.execution_order = onnxruntime.ExecutionOrder.PRIORITY_BASED
    providers: list[Any] = [CPU]
    if not device.is_cpu:
        providers.insert(0, (PROVIDERS[device.name], _provider_options(device)))
    try:
        model = graph if isinstance(graph, bytes) else str(graph)
        session = onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception as error:  # the runtime may raise anything
        name = "the graph" if isinstance(graph, bytes) else graph
        raise EncoderError(f"{name} cannot be opened ({' '.join(str(error).split())[:200]})") from error
    if PROVIDERS[device.name] not in session.get_providers():  # the runtime falls back to the CPU with only a log line
        raise EncoderError(f"DEVICE {device} cannot be used: onnxruntime did not open it; unset it, or use cpu")
    return session


def _provider_options(device: Device) -> dict[str, str]:
    if device.name == "cuda":
        return {"device_id": str(device.number), "arena_extend_strategy": "kSameAsRequested"}
    if device.name == "openvino":  # on some processors its default is bfloat16
        return {"device_type": "CPU", "load_config": '{"CPU": {"INFERENCE_PRECISION_HINT": "f32"}}'}
    if device.name == "coreml":
        return {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL"}
    return {}


def optimise(graph: Path, target: Path, weights: str) -> None:
    """Write a simplified graph that opens faster, with only standard operators, for any machine.

    Args:
        graph: The ONNX file.
        target: Where it is written.
        weights: Name of the file beside `target` for its weights.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", weights)
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    options.add_session_config_entry("session.disable_prepacking", "1")
    onnxruntime.InferenceSession(str(graph), options, providers=[CPU])
