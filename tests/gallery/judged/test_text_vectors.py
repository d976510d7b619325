import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from gallery.errors import BadInput
from gallery.judged.text_vectors import learn_text_vectors, load_text_vectors

TEXTS = ["A dog's ball .", "a red ball, a red dog", "Two dogs run", "A red ball", "", "xyzzy"]


def test_tfidf_is_that_of_scikit_learn() -> None:
    ours = learn_text_vectors("tfidf", TEXTS).encode(TEXTS)
    theirs = TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=500).fit_transform(TEXTS).toarray()
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_word2vec_is_the_mean_of_the_words() -> None:
    pytest.importorskip("gensim")
    vectors = learn_text_vectors("word2vec", TEXTS * 3)
    red, ball, both, unknown = vectors.encode(["red", "ball", "A red BALL!", "xylophone"])
    np.testing.assert_allclose(both, (red + ball) / 2, atol=1e-6)
    assert not unknown.any()
    np.testing.assert_array_equal(learn_text_vectors("word2vec", TEXTS * 3).encode(TEXTS), vectors.encode(TEXTS))


def test_vectors_are_joined_and_read_as_they_were_saved() -> None:
    vectors = learn_text_vectors("tfidf+word2vec", TEXTS * 3)
    again = load_text_vectors(*vectors.saved())
    assert list(vectors.saved()[0]) == ["tfidf", "word2vec"]
    np.testing.assert_array_equal(again.encode(TEXTS), vectors.encode(TEXTS))


@pytest.mark.parametrize(("kinds", "texts"), [("glove", TEXTS), ("tfidf", ["one"]), ("tfidf+", TEXTS)])
def test_what_cannot_be_learned_is_refused(kinds: str, texts: list[str]) -> None:
    with pytest.raises(BadInput):
        learn_text_vectors(kinds, texts)
