"""How often does a caption find its own picture?

    python -m benchmarks.captions [COLLECTION]

Takes every caption that was ingested with `--captions` as a query over the whole collection, and prints success@k:
the share of captions whose own picture is among the first k.
"""

import sys

from gallery.encoder import load_encoder

from gallery.settings import Settings
from gallery.stores.collection import open_collection
from search.engine import SearchEngine

DEPTHS = (1, 5, 10)


def main() -> None:
    """Search with every caption, and print the shares."""
    settings = Settings.from_environ()
    collection = open_collection(settings, sys.argv[1] if len(sys.argv) > 1 else None)
    encoder = load_encoder(collection.spec.encoder, settings.device)
    engine = SearchEngine(encoder, collection)
    ranks = []
    for record in collection.records():
        for caption in record.captions:
            ids = [hit.image.id for hit in engine.search(caption, max(DEPTHS))]
            ranks.append(ids.index(record.id) + 1 if record.id in ids else max(DEPTHS) + 1)
    print(f"{collection.name}: {collection.count()} pictures, {len(ranks)} captions, encoder {encoder.spec.encoder}")
    for depth in DEPTHS:
        found = sum(rank <= depth for rank in ranks)
        print(f"success@{depth}: {found} of {len(ranks)}, {found / max(len(ranks), 1):.1%}")
    collection.close()


if __name__ == "__main__":
    main()
