"""Two towers, trained on drawings, as the encoder of a collection: `baseline train`, `ingest`, `search`."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_bert
from click.testing import CliRunner, Result
from drawn_judgements import build

import baseline.cli
import ingest.cli
from gallery.encoders import load_encoder
from gallery.pictures import open_image
from gallery.settings import Settings

QUERY = "a red bar left on blue ground"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for everything, with judged drawings in it: 16 to learn from, 6 to find."""
    folder = tmp_path_factory.mktemp("towers")
    (folder / "judged").mkdir()
    build(folder / "judged", 16, 6)
    tiny_bert.save_untrained(folder / "tiny-bert", QUERY.split())
    return folder


def command(name: str, data: Path, *arguments: str) -> Result:
    main = {"baseline": baseline.cli.main, "ingest": ingest.cli.main}[name]
    done = CliRunner().invoke(main, arguments, env={"DATA_DIR": str(data / "data"), "QDRANT_URL": None})
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.parametrize("text", ["bert", "tfidf", "word2vec"])
def test_towers_trained_on_drawings_index_and_search(data: Path, text: str) -> None:
    photos, model = data / "judged" / "test_images", data / text
    options = ["--text", text, "--bert", str(data / "tiny-bert"), "--out", str(model)]
    command("baseline", data, "train", "two-tower", str(data / "judged"), *options)
    done = command("ingest", data, str(photos), "--encoder", str(model), "--collection", text)
    assert "indexed\t6\n" in done.stdout
    found, torch_was_loaded = _search(data, text)
    assert not torch_was_loaded
    encoder = load_encoder(Settings(data / "data"), str(model))
    files, tower = sorted(photos.iterdir()), encoder.pictures()
    pictures = tower.encode_images([open_image(str(file), tower.detail).rgb for file in files])
    cosines = pictures @ encoder.texts().encode_texts([QUERY])[0]
    order = np.argsort(-cosines)
    assert [Path(path).name for path, _ in found] == [files[place].name for place in order]
    np.testing.assert_allclose([score for _, score in found], cosines[order], atol=1e-4)


def _search(data: Path, collection: str) -> tuple[list[tuple[str, float]], bool]:
    """Search in a process of its own; return paths and scores, and whether torch was loaded."""
    code = "import sys, search.cli\ntry: search.cli.main()\nfinally: print('torch' in sys.modules, file=sys.stderr)"
    arguments = [QUERY, "--collection", collection, "--json", "-k", "9"]
    environment = {"DATA_DIR": str(data / "data"), "HF_HUB_OFFLINE": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, check=True
    )
    hits = json.loads(done.stdout)["hits"]
    return [(hit["path"], hit["score"]) for hit in hits], done.stderr.splitlines()[-1] == "True"
