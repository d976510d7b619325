"""`ingest --encoders`."""

from pathlib import Path

from click.testing import CliRunner

from gallery.encoders.catalogue import find
from gallery.encoders.hub import Hub
from gallery.encoders.manifest import Manifest
from gallery.spec import Spec
from ingest.cli import main
from ingest.encoders import rows


def test_a_pipe_gets_one_line_per_encoder(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["--encoders"], env={"DATA_DIR": str(tmp_path)})
    assert done.exit_code == 0
    lines = {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}
    assert lines["clip-ViT-B-32"][:4] == ["MIT", "512", "606", "English"]
    assert lines["siglip2-base-patch16-224"][:4] == ["Apache-2.0", "768", "1536", "more than 100"]
    assert "clip-ViT-B-32+clip-ViT-B-32-multilingual-v1" in lines
    assert {len(line) for line in lines.values()} == {7}
    assert lines["siglip2-base-patch16-224"][4] == "siglip2-base"
    assert lines["clip-ViT-B-32+clip-ViT-B-32-multilingual-v1"][4] == "clip-b-32+clip-multilingual"

    torch = [name for name, line in lines.items() if line[6] == "needed"]
    assert "siglip2-large-patch16-256" in torch
    assert not {"conse", "clip-ViT-B-32", "clip-ViT-B-32+clip-ViT-B-32-multilingual-v1"}.intersection(torch)


def test_a_terminal_of_80_columns_shows_every_name_whole(tmp_path: Path) -> None:
    environment = {"DATA_DIR": str(tmp_path), "FORCE_COLOR": "1", "COLUMNS": "80"}
    shown = CliRunner().invoke(main, ["--encoders"], env=environment).stdout
    for name in ("siglip-multilingual", "datacomp-b-32-256", "clip-b-32+clip-multilingual"):
        assert f" {name} " in shown


def test_what_is_on_this_machine_is_told_apart(tmp_path: Path) -> None:
    place, hub = tmp_path / "encoders", Hub(tmp_path / "downloads", cache=tmp_path / "cache", offline=True)
    make(place / "clip-ViT-B-16-0123", "clip-ViT-B-16")
    make(place / "own-0123", "/models/own")
    (place / "half").mkdir()
    (place / "half" / "encoder.json").write_text("{")
    for repository, names in {
        "Qdrant--clip-ViT-B-32-vision": ["model.onnx"],
        "Qdrant--clip-ViT-B-32-text": ["model.onnx", "tokenizer.json"],
        "onnx-community--siglip2-base-patch16-256-ONNX": ["tokenizer.json"],
        "wkcn--TinyCLIP-ViT-40M-32-Text-19M-LAION400M": ["config.json", "model.safetensors"],
    }.items():
        revision = (find(repository.replace("--", "/")) or find("conse")).revision or "some"  # type: ignore[union-attr]
        (hub.folder / repository / revision).mkdir(parents=True)
        for name in names:
            (hub.folder / repository / revision / name).touch()
    states = {row[0]: row[6] for row in rows(place, hub)}
    assert states["clip-ViT-B-16"] == states["/models/own"] == "ready"
    assert states["clip-ViT-B-32"] == states["TinyCLIP-ViT-40M-32-Text-19M-LAION400M"] == "downloaded"
    assert states["siglip2-base-patch16-256"] == states["chinese-clip-vit-base-patch16"] == "no"
    assert states["clip-ViT-B-32+clip-ViT-B-32-multilingual-v1"] == "no"
    assert states["conse"] == "installed"


def make(folder: Path, name: str) -> None:
    clip = find("clip-ViT-B-32")
    assert clip
    assert clip.picture
    assert clip.text
    folder.mkdir(parents=True)
    Manifest(Spec(name, 512, "space", "text"), clip.picture, clip.text, licence="MIT").write(folder)
