"""What words add to vectors, on photos with separate captions for indexing and for queries.

    python -m benchmarks.hybrid DATA [--encoder NAME]

DATA is laid out as for `gallery.judged.dataset.read_practicum`. Two captions of each test photo are indexed, and the
others are the queries; then again without captions, but with file names of four words. Writes results/hybrid.md
and results/hybrid.json.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click
from pandas import DataFrame

from benchmarks.commands import must
from benchmarks.results import write_results
from benchmarks.small import working_folder
from eval.measures import mean_estimates, per_query
from gallery.judged.dataset import read_practicum
from gallery.judged.trec import Answer, Run, Topic, own_photo, topics_of
from gallery.records import Caption
from gallery.settings import Settings
from search.asked import WORD_WEIGHT
from search.engine import SearchEngine
from search.query import quoted
from search.request import Request

INDEXED = ("#0", "#1")
DEPTH = 10
MEASURES = ("Success@1", "Success@5", "Success@10")
WEIGHTS = (0.3, 0.5, 0.7, 0.9)
_COMMON = {"a", "an", "the", "in", "on", "of", "and", "is", "are", "with", "at", "to", "by", "his", "her", "it"}


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--encoder", default="conse", show_default=True)
def main(data: Path, encoder: str) -> None:
    """Measure, print a table, and write results/hybrid.md and results/hybrid.json."""
    queries = read_practicum(data).queries
    indexed = [query for query in queries if query.id.endswith(INDEXED)]
    topics = topics_of([query for query in queries if not query.id.endswith(INDEXED)])
    rows: dict[str, float | str] = {}
    photos = data / "test_images"
    with working_folder() as work:
        DataFrame(indexed).to_csv(work / "captions.csv", index=False)
        _name_photos(photos, work / "named", indexed)
        indexings = {"captions": [f"{photos}", "--captions", f"{work}/captions.csv"], "names": [f"{work}/named"]}
        for said, words in indexings.items():
            must(["ingest", *words, "--encoder", encoder], work / said, work, timeout=1800)
            with SearchEngine.open(Settings(data_dir=work / said)) as engine:
                rows |= {f"{said}: {name}": shares for name, shares in _measured(engine, topics).items()}
    rows |= {
        "photos": len({topic.photo for topic in topics}),
        "captions indexed": len(indexed),
        "queries": len(topics),
        "encoder": encoder,
        "interval": "95 %, bootstrap over photos",
        "weight of words that search uses": WORD_WEIGHT,
        "chosen": "on these photos, as the best of both tables",
    }
    write_results("hybrid", "Words and vectors", rows)


def _name_photos(photos: Path, folder: Path, captions: Sequence[Caption]) -> None:
    """Link photos under realistic names: four words of the first caption."""
    folder.mkdir()
    for caption in {caption.image: caption for caption in reversed(captions)}.values():
        words = [word for word in re.findall(r"[a-z]+", caption.text.lower()) if word not in _COMMON][:4]
        (folder / f"{'_'.join(words)}-{caption.image}").symlink_to((photos / caption.image).resolve())


def _measured(engine: SearchEngine, topics: Sequence[Topic]) -> dict[str, str]:
    systems: dict[str, Callable[[str], list[str]]] = {
        "vectors alone": lambda text: [hit.image.path for hit in engine.search(text, DEPTH)],
        "words alone (BM25)": lambda text: [hit.image.path for hit in engine.collection.by_words(text, DEPTH)],
        **{f"fused, words {weight}": partial(_fused, engine, weight) for weight in WEIGHTS},
    }
    rows = {}
    for name, find in systems.items():
        found = {topic.id: [Path(path).resolve().name for path in find(topic.text)] for topic in topics}
        run = Run(name, {id: [Answer(path, -float(rank)) for rank, path in enumerate(of)] for id, of in found.items()})
        for measure, share in mean_estimates(per_query(run, own_photo(topics), MEASURES), topics).items():
            rows[f"{name}, {measure.lower()}"] = f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
    return rows


def _fused(engine: SearchEngine, weight: float, text: str) -> list[str]:
    request = Request(q=quoted(text), limit=DEPTH, hybrid=True, word_weight=weight)
    return [hit.path for hit in engine.answer(request).hits]


if __name__ == "__main__":
    main()
