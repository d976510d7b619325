"""Index, search, serve, and search with a picture, in the environment of the light lock: `make test-light`."""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "examples" / "photos"
FULL = ("torch", "transformers", "sentence_transformers", "torchvision", "pandas", "matplotlib", "sklearn")
COW = PHOTOS / "animals" / "cow.jpg"


def main() -> None:
    """Run a command; exit with an error if it fails."""
    assert not any(map(find_spec, FULL)), "this environment has the full lock"
    with tempfile.TemporaryDirectory() as data:
        environment = os.environ | {"DATA_DIR": data, "HF_HUB_OFFLINE": "1"}
        run(environment, "ingest", PHOTOS, "--collection", "examples")
        first = run(environment, "search", "-k", "1", "--paths", "a cat").splitlines()[0]
        assert "chelsea" in first, first
        like = json.loads(run(environment, "search", "-k", "1", "--json", f"like:{copy_of(COW, Path(data))}"))
        assert like["hits"][0]["path"] == str(COW), like["hits"][0]
        page = subprocess.Popen(
            [command("search"), "--serve", "--port", "8765"], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            assert picture_query("http://127.0.0.1:8765")["hits"][0]["path"] == str(COW)
        finally:
            page.terminate()
            page.wait(10)
    print("1 passed, 0 failed")  # noqa: T201


def command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def run(environment: dict[str, str], name: str, *arguments: object) -> str:
    done = subprocess.run(
        [command(name), *map(str, arguments)], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def copy_of(path: Path, folder: Path) -> Path:
    """Return a picture with other bytes, so that the network has to see it."""
    from PIL import Image

    Image.open(path).resize((300, 220)).save(folder / "copy.png")
    return folder / "copy.png"


def picture_query(address: str) -> dict[str, list[dict[str, str]]]:
    """Search the page with a picture, as soon as it answers."""
    from PIL import Image

    picture = io.BytesIO()
    Image.open(COW).resize((300, 220)).save(picture, "PNG")
    mark = uuid4().hex
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="x.png"\r\n\r\n'.encode()
    body = head + picture.getvalue() + f"\r\n--{mark}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"{address}/ready"):
                break
        except OSError:
            time.sleep(0.1)
    request = urllib.request.Request(f"{address}/api/search/image", body, headers)
    with urllib.request.urlopen(request) as answer:
        found: dict[str, list[dict[str, str]]] = json.load(answer)
    return found


if __name__ == "__main__":
    main()
