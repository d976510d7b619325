"""How pictures are read, turned into vectors and stored. Shared by all packages."""

import os

__version__ = "1.0.0"

# ONNX Runtime and the model hub's libraries send usage data to their makers unless these variables are set before they
# are imported. Whatever imports them imports this package first, and processes that it starts inherit its environment.
for _variable in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"):
    os.environ[_variable] = os.environ.get(_variable) or "1"  # an empty one counts as unset
