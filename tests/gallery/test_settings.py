"""Settings from environment variables."""

from pathlib import Path

import pytest

from gallery.settings import Settings

VARIABLES = ("DATA_DIR", "QDRANT_URL", "QDRANT_API_KEY", "ENCODER", "DEVICE", "PUBLIC_URL")


def test_every_variable_is_read() -> None:
    assert Settings.from_environ({name: f"/{name}" for name in VARIABLES}) == Settings(
        data_dir=Path("/DATA_DIR"),
        qdrant_url="/QDRANT_URL",
        qdrant_api_key="/QDRANT_API_KEY",
        encoder="/ENCODER",
        device="/DEVICE",
        public_url="/PUBLIC_URL",
    )


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_counts_as_unset(empty: str) -> None:
    settings = Settings.from_environ(dict.fromkeys(VARIABLES, empty))
    assert settings == Settings.from_environ({}) == Settings(settings.data_dir)
    assert settings.data_dir.is_absolute()
    assert settings.data_dir.name == "gallery-search"


def test_the_key_is_not_shown() -> None:
    assert "hunter2" not in repr(Settings.from_environ({"QDRANT_API_KEY": "hunter2"}))


def test_a_tilde_is_the_home_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings.from_environ({"DATA_DIR": "~/photos"}).data_dir == tmp_path / "photos"
