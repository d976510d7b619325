"""The systems that are compared, and how they are made for one judged set."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from gallery.encoder import Encoder, load_encoder

from eval.compare import RandomRetriever
from eval.photos import EngineRetriever, Photos, collection_of, encode_photos
from eval.remembering import RememberingEncoder
from eval.runs import Retriever
from eval.trained import SAYS as SAYS_TRAINED
from eval.trained import Held, Trainer
from gallery.judged.dataset import JudgedSet
from gallery.settings import Settings
from search.engine import SearchEngine

CLIP = "CLIP ViT-B/32"
CONSE = "ConSE"
SAYS = {
    CONSE: (
        "an ImageNet classifier's probabilities weight the sentence vectors of the class names (Norouzi et al., ICLR "
        "2014); not trained on this data"
    ),
    RandomRetriever.name: "an order drawn anew for every query: chance",
    CLIP: "**not measured here**: its weights were not at hand; with them, `make eval ENCODER=clip-ViT-B-32`",
}
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Systems:
    """What is compared.

    Attributes:
        retrievers: The systems that can be run here.
        says: Name -> what it is, also of systems that cannot be run here.
        encoder: The one whose cosines are judged further, with the photos as it sees them.
        held_out: What each is worth on judged pairs that it was not fitted to.
    """

    retrievers: tuple[Retriever, ...]
    says: Mapping[str, str]
    encoder: Encoder
    unseen: Photos
    judged: Photos
    held_out: Sequence[Held]


@contextmanager
def systems_for(data: Path, judged: JudgedSet, encoder_name: str, settings: Settings, tell: Tell) -> Iterator[Systems]:
    """Make the systems; collections are removed again at the end."""
    says = SAYS | SAYS_TRAINED
    with ExitStack() as stack:
        encoder = RememberingEncoder(load_encoder(encoder_name, settings.device))
        encoder.encode_texts([query.text for query in judged.queries])
        name = display_name(encoder)
        if name == CLIP or name not in says:
            says[name] = f"`{encoder.spec.encoder}` through the search engine; not trained on this data"
        tell(f"{name}: {len(judged.gallery)} photos to be found")
        unseen = encode_photos(encoder, judged.query_images, judged.gallery, settings, tell)
        names = sorted({caption.image for caption in judged.captions} | {pair.image for pair in judged.judgements})
        tell(f"{name}: {len(names)} judged photos")
        known = encode_photos(encoder, judged.images, names, settings, tell)
        collection = stack.enter_context(collection_of(unseen, encoder))
        retrievers: list[Retriever] = [EngineRetriever(name, SearchEngine(encoder, collection))]
        trainer = Trainer(data, settings, Path(stack.enter_context(TemporaryDirectory(prefix="evaluate-"))), tell)
        retrievers += [*trainer.retrievers(), RandomRetriever(unseen.records)]
        yield Systems(tuple(retrievers), says, encoder, unseen, known, trainer.held_out(name, encoder, known))


def display_name(encoder: Encoder) -> str:
    """Return what an encoder is called in a report."""
    return {"conse": CONSE, "clip-ViT-B-32": CLIP}.get(encoder.spec.encoder, encoder.spec.encoder)
