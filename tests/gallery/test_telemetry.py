"""No library tells its makers how it is used, without any setting by the user."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

VARIABLES = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK", "HF_HUB_OFFLINE")
"""Whatever could turn it off from outside."""
USE = {
    "ONNX Runtime": "from gallery.encoders.sessions import available_devices; assert available_devices()",
    "the model hub's client": (
        "import gallery.encoders.hub; from huggingface_hub import constants; assert constants.HF_HUB_DISABLE_TELEMETRY"
    ),
}


@pytest.mark.parametrize("use", USE)
def test_libraries_do_not_report_their_use(use: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in (*VARIABLES, "XDG_CACHE_HOME")}
    environment |= {"HOME": str(tmp_path), "ORT_DISABLE_TELEMETRY": ""}  # an empty variable counts as unset
    subprocess.run([sys.executable, "-c", USE[use]], env=environment, check=True)
    assert not list(tmp_path.rglob("*")), "ONNX Runtime keeps what it reports, and a number of this machine, there"
