"""Encoder folders from published models of transformers and sentence-transformers."""

from collections.abc import Callable
from pathlib import Path

from gallery.encoders.answers import drawings
from gallery.encoders.export.checking import CHECKED_TEXTS, checked_pictures, compare, in_parts
from gallery.encoders.export.originals import PictureOriginal, SentenceOriginal, TextOriginal, open_model
from gallery.encoders.export.progress import told
from gallery.encoders.export.sources import Source
from gallery.encoders.export.tracing import trace
from gallery.encoders.graphs import halve
from gallery.encoders.making import drafted, finish
from gallery.encoders.manifest import PICTURE_GRAPH, TEXT_GRAPH, TOKENIZER, Manifest
from gallery.encoders.preparation import PREPARED
from gallery.encoders.sessions import Device
from gallery.encoders.towers import PictureTower, TextTower
from gallery.errors import EncoderError
from gallery.spec import Spec


def export_published(
    pictures: Source, texts: Source | None, place: Path, name: str, say: Callable[[str], None]
) -> Path:
    """Make the folder of a model, or of one model's pictures and another one's texts, and return it.

    Raises:
        EncoderError: It cannot be opened or exported, or the export differs from it.
    """
    folder = "-".join(source.root.resolve().name for source in (pictures, texts) if source)
    with drafted(place, folder) as draft:
        try:
            manifest = _write(pictures, texts, draft, name, say)
            with told(say, "Writing digests"):
                return finish(draft, manifest, place)
        except (EncoderError, OSError, MemoryError):
            raise
        except Exception as error:  # the libraries and the model's own code may raise anything
            why = " ".join(str(error).split())[:300]
            raise EncoderError(f"{name} cannot be exported ({why}); choose another --encoder") from error


def _write(pictures: Source, texts: Source | None, draft: Path, name: str, say: Callable[[str], None]) -> Manifest:
    with told(say, f"Opening {name}"):
        model = open_model(pictures)
        seeing = PictureOriginal(pictures, model)
        reading = TextOriginal(pictures, model) if texts is None else _open_texts(texts)
        reading.tokenizer.save(str(draft / TOKENIZER), pretty=False)
    with told(say, "Exporting the picture tower"):
        trace(seeing.module, seeing.samples(), draft / PICTURE_GRAPH)
    with told(say, "Exporting the text tower"):
        trace(reading.module, reading.samples(), draft / TEXT_GRAPH)
        halve(draft / TEXT_GRAPH)
    with told(say, "Reading the model's digest"):
        weights = pictures.fingerprint()
        text_weights = texts.fingerprint() if texts else weights
    lengths = [seeing.encode(drawings()[:1]).shape[1], reading.encode(["a cat"]).shape[1]]
    if lengths[0] != lengths[1]:
        raise EncoderError(f"the towers of {name} differ in length: {lengths}; give two that share a space")
    spec = Spec(name, lengths[0], f"clip {weights} {PREPARED}", f"clip {text_weights}")
    manifest = Manifest(spec, seeing.how, reading.how, source=str(pictures.root.resolve()))
    with told(say, "Comparing pictures with the original"):
        drawn = checked_pictures()
        made = PictureTower(draft, manifest, Device(), for_one=True).encode_images(drawn)
        check = compare(name, {"pictures": (made, in_parts(seeing.encode, drawn))})
    with told(say, "Comparing texts with the original"):
        made = in_parts(TextTower(draft, manifest).encode_texts, CHECKED_TEXTS)
        check |= compare(name, {"texts": (made, in_parts(reading.encode, CHECKED_TEXTS))})
    return Manifest(spec, seeing.how, reading.how, source=str(pictures.root.resolve()), check=check)


def _open_texts(texts: Source) -> TextOriginal | SentenceOriginal:
    return SentenceOriginal(texts.root) if texts.kind == "text" else TextOriginal(texts, open_model(texts))
