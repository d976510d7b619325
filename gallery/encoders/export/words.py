"""Text towers that count words, as graphs: TF-IDF, and the mean of the words' vectors."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from gallery.encoders.graphs import FLOAT, INT64, Graph
from gallery.encoders.manifest import TextPreparation
from gallery.vectors import Vectors

UNKNOWN = "[UNK]"
PREPARATION = TextPreparation(limit=0, pad_id=0, pad_token=UNKNOWN, lower_case=True)
"""Padding is an unknown word, which has no effect."""


def numbered(words: Sequence[str]) -> dict[str, int]:
    """Give every word a number from 1 on; 0 is for all others."""
    return {UNKNOWN: 0} | {word: number for number, word in enumerate(dict.fromkeys(words), start=1)}


def write_tokenizer(numbers: Mapping[str, int], path: Path) -> None:
    """Write a tokenizer whose tokens are words of at least two letters, by Python's definition of letters."""
    tokenizer = Tokenizer(models.WordLevel(dict(numbers), unk_token=UNKNOWN))
    word = Regex(f"[{_letters()}]{{2,}}")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(word, behavior="removed", invert=True)
    tokenizer.save(str(path), pretty=False)


def add_tfidf(graph: Graph, terms: Sequence[str], numbers: Mapping[str, int], idf: Vectors) -> str:
    """Add the input `ids` and unit rows of TF-IDF, shape `(n, terms)`; zeros where no term is known.

    Args:
        graph: The graph in the making.
        terms: Words, and pairs of words with a space between.
        numbers: The words' numbers, from `numbered`.
        idf: The weight of each term.
    """
    split = [term.split(" ") for term in terms]
    order = sorted(range(len(terms)), key=lambda place: len(split[place]))  # the operator expects single words first
    singles = sum(len(words) == 1 for words in split)
    counts = graph.op(
        "TfIdfVectorizer",
        _add_ids(graph),
        mode="TFIDF",
        min_gram_length=1,
        max_gram_length=2 if singles < len(terms) else 1,
        max_skip_count=0,
        ngram_counts=[0, singles] if singles < len(terms) else [0],
        ngram_indexes=order,
        pool_int64s=[numbers[word] for place in order for word in split[place]],
        weights=[float(idf[place]) for place in order],
    )
    return _add_unit_or_zero(graph, counts)


def add_mean_of_words(graph: Graph, vectors: Vectors) -> str:
    """Add the input `ids` and the mean of the known words' vectors; zeros where none is known.

    Args:
        graph: The graph in the making.
        vectors: Those of the words with the numbers 1, 2 … in this order, shape `(words, d)`.
    """
    ids = _add_ids(graph)
    table = np.concatenate([np.zeros((1, vectors.shape[1]), np.float32), vectors])
    total = graph.op("ReduceSum", graph.op("Gather", graph.constant(table), ids), graph.constant([1]), keepdims=0)
    known = graph.op("Cast", graph.op("Greater", ids, graph.constant(0)), to=FLOAT)
    count = graph.op("ReduceSum", known, graph.constant([1]), keepdims=1)
    return graph.op("Div", total, graph.op("Max", count, graph.constant(1.0)))


def _add_ids(graph: Graph) -> str:
    """Add the input, and an unknown word at the end of each text, so that an empty one has a word."""
    ids = graph.input("ids", INT64, ["n", "tokens"])
    return graph.op("Pad", ids, graph.constant([0, 0, 0, 1]))


def _add_unit_or_zero(graph: Graph, rows: str) -> str:
    length = graph.op("ReduceL2", rows, graph.constant([1]), keepdims=1)
    return graph.op("Div", rows, graph.op("Max", length, graph.constant(1e-12)))


def _letters() -> str:
    """Return the letters by Python's definition as ranges, because the tokenizer's differs."""
    every = "".join(map(chr, (code for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)))
    runs = re.findall(r"\w+", every)
    return "".join(f"\\x{{{ord(run[0]):X}}}-\\x{{{ord(run[-1]):X}}}" for run in runs)
