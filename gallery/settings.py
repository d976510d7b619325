"""The settings from the environment: it says where things are, flags say what to do."""

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

DEFAULT_COLLECTION = "photos"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings from environment variables. An empty variable counts as unset.

    Attributes:
        data_dir: `DATA_DIR`, the folder of embedded collections and journals.
        qdrant_url: `QDRANT_URL`, a Qdrant server, or the nodes of a cluster with commas between; without it collections
            are embedded.
        qdrant_api_key: `QDRANT_API_KEY`.
        qdrant_read_only_api_key: `QDRANT_READ_ONLY_API_KEY`, with which searches connect; by default the other key.
        qdrant_copy_api_key: `QDRANT_COPY_API_KEY`, for the server that `ingest --copy-to` writes to, if it has another.
        encoder: `ENCODER`, the encoder of new collections.
        device: `DEVICE`, where models run, in torch's words (`cpu`, `cuda:1`); without it a GPU if there is one.
        text_model: `TEXT_MODEL`, the folder of the networks that read text in pictures, if not those of the package.
        public_url: `PUBLIC_URL`, the address under which thumbnails are served as `/thumbs/ID.jpg`.
        search_token: `SEARCH_TOKEN`, which the page and the API require; without it, they require nothing.
        log_level: `LOG_LEVEL`, the least level that the page logs; by default `warning`.
    """

    data_dir: Path
    qdrant_url: str | None = None
    qdrant_api_key: str | None = field(default=None, repr=False)
    qdrant_read_only_api_key: str | None = field(default=None, repr=False)
    qdrant_copy_api_key: str | None = field(default=None, repr=False)
    encoder: str | None = None
    device: str | None = None
    text_model: Path | None = None
    public_url: str | None = None
    search_token: str | None = field(default=None, repr=False)
    log_level: str | None = None

    def encoder_folder(self, fingerprint: str) -> Path:
        """Return the folder of an encoder's files: its exported text tower, its calibration."""
        return self.data_dir / "encoders" / fingerprint

    def collection_folder(self, name: str) -> Path:
        """Return the folder of a collection's files on this machine."""
        return self.data_dir / "collections" / name

    def page_note(self) -> Path:
        """Return where a page that runs on this machine notes how it is reached; see `search.web.running`."""
        return self.data_dir / "page.json"

    def features_folder(self) -> Path:
        """Return the folder for the vectors of frozen image networks."""
        return self.data_dir / "features"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings from `environ`."""

        def value(name: str) -> str | None:
            return environ.get(name, "").strip() or None

        data_dir, text_model = value("DATA_DIR"), value("TEXT_MODEL")
        return cls(
            data_dir=Path(data_dir).expanduser() if data_dir else platformdirs.user_data_path("gallery-search"),
            qdrant_url=value("QDRANT_URL"),
            qdrant_api_key=value("QDRANT_API_KEY"),
            qdrant_read_only_api_key=value("QDRANT_READ_ONLY_API_KEY"),
            qdrant_copy_api_key=value("QDRANT_COPY_API_KEY"),
            encoder=value("ENCODER"),
            device=value("DEVICE"),
            text_model=Path(text_model).expanduser() if text_model else None,
            public_url=value("PUBLIC_URL"),
            search_token=value("SEARCH_TOKEN"),
            log_level=value("LOG_LEVEL"),
        )


def set_up_libraries(environ: MutableMapping[str, str] = os.environ) -> None:
    """Tell libraries that are about to be imported what suits a command; what the user has set stays.

    numpy's threads only get in the way: they spin, and nothing multiplies matrices that are worth them. And pydantic
    would ask every installed distribution whether it is a plugin.
    """
    environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
