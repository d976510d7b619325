"""An encoder as one of the systems, and the quality of its cosines beyond finding photos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.asking import ask, collection_of
from eval.calibrate import Fitted, calibrate, fit
from eval.measures import Estimate, Values
from eval.nothing import MOST_QUERIES, Questions, Told, choose_rule, cosines, measure_rule
from eval.pairs import expert_grades, expert_tau, pair_photos, tau
from gallery.encoders import Encoder, PictureEncoder, TextEncoder, choose_device
from gallery.judged.dataset import JudgedSet
from gallery.judged.judgements import match_probabilities
from gallery.judged.splits import Split, split
from gallery.judged.trec import Run, topics_of
from gallery.judged.vectors import Remembered, pair_cosines
from gallery.records import Caption, Match
from gallery.settings import Settings
from gallery.vectors import Vectors
from search.engine import SearchEngine
from search.strict import STANDING
from search.unrelated import unrelated_texts

CLIPSCORE_PREFIX = "A photo depicts "
NAMES = {"conse": "ConSE", "clip-ViT-B-32": "CLIP ViT-B/32"}


@dataclass(frozen=True, slots=True)
class Towers:
    """Both towers of an encoder."""

    texts: TextEncoder
    pictures: PictureEncoder

    @classmethod
    def of(cls, encoder: Encoder, settings: Settings) -> "Towers":
        """Open both towers where `settings` say that models run."""
        return cls(encoder.texts(), encoder.pictures(choose_device(settings.device)))


@dataclass(frozen=True, slots=True)
class Judging:
    """The quality of an encoder's cosines.

    Attributes:
        expert: Kendall's τ-c with the experts' grades, without photos' own captions.
        crowd: Kendall's τ-b with the crowd's shares of yes; None without crowd judgements.
        expert_pairs, crowd_pairs: How many pairs there were.
        fitted: The calibration.
        said: The mean predicted probability of the queries' first answers.
        right: Share of these that are the right photo.
        chosen: The chosen rule of `search --strict`.
        there: Every rule on the photos on which it was chosen, or by default if none was chosen.
        unseen: The same rules and thresholds on the photos to be found.
        own, other: Cosines of the photos to be found with their own queries and with those of other photos.
    """

    expert: Estimate | None
    crowd: Estimate | None
    expert_pairs: int
    crowd_pairs: int
    fitted: Fitted
    said: float
    right: float
    chosen: Told
    there: Mapping[str, Told]
    unseen: Mapping[str, Told]
    own: Values
    other: Values

    @property
    def separates(self) -> bool:
        """Whether the chosen rule separates, both where it was chosen and on the photos to be found."""
        return self.chosen.separates and self.unseen[self.chosen.rule].separates


class JudgedEncoder:
    """An encoder with the vectors of a judged set's photos and texts."""

    def __init__(self, encoder: TextEncoder, judged: JudgedSet, photos: Mapping[str, Vectors]) -> None:
        """Take them all; `photos` has the unit vector of each photo, by name."""
        self.encoder, self.judged, self._photos = encoder, judged, photos
        self.name = NAMES.get(encoder.spec.encoder, encoder.spec.encoder)
        self._texts = Remembered(encoder.encode_texts)

    def answers(self) -> Run:
        """Answer the queries through the search engine."""
        gallery, topics = self.judged.gallery, topics_of(self.judged.queries)
        vectors = self._texts([topic.text for topic in topics])
        with collection_of(self.judged.paths(gallery), self._of(gallery), self.encoder.spec) as collection:
            return ask(self.name, SearchEngine(self.encoder, collection), topics, vectors, len(gallery))

    def cosines(self, pairs: Sequence[Match], prefix: str = "") -> Values:
        """Return the cosine of each pair of image and sentence, shape `(n,)`."""
        texts = self._texts([prefix + pair.caption.text for pair in pairs])
        return pair_cosines(texts, self._of([pair.image for pair in pairs]))

    def probabilities(self, parts: Split) -> Values:
        """Return the match probability of the judged pairs of a split, fitted to the others."""
        target = np.array([pair.probability for pair in parts.pairs])
        # Logistic regression keeps the order of the cosines, where isotonic regression would make ties.
        return fit("logistic", self.cosines(parts.pairs), target).probabilities_of(self.cosines(parts.judged))

    def judge(self) -> Judging:
        """Judge the cosines. Nothing is chosen by the photos to be found."""
        judged = self.judged
        matches, _ = match_probabilities(judged.judgements, crowd_alone=True)
        learned = split(judged, matches)
        fitted = calibrate(self.cosines(learned.pairs), learned.pairs, source=judged.images.parent.name)
        others = [pair for pair in judged.judgements if pair.grades and pair.image != pair.caption.image]
        graded = [Match(pair.image, pair.caption, 0.0) for pair in others]
        # CLIPScore puts its prefix before the text.
        prefix = CLIPSCORE_PREFIX if "clip" in self.encoder.spec.encoder.lower() else ""
        voted = [pair for pair in judged.judgements if pair.yes + pair.no]
        of_voted = [Match(pair.image, pair.caption, pair.yes / (pair.yes + pair.no)) for pair in voted]
        shares = np.array([pair.probability for pair in of_voted])
        known, new = self._questions(learned.captions), self._questions(judged.queries)
        chosen, there = choose_rule(known.drawn(MOST_QUERIES, 0))
        there |= {"default": measure_rule(known, "standing", STANDING)}
        scores = cosines(new.texts, new.photos)
        is_own = np.arange(scores.shape[1]) == new.own[:, np.newaxis]
        return Judging(
            expert=expert_tau(self.cosines(graded, prefix), graded, expert_grades(judged.judgements)),
            crowd=tau(self.cosines(of_voted, prefix), shares, pair_photos(of_voted), "b") if voted else None,
            expert_pairs=len(graded),
            crowd_pairs=len(voted),
            fitted=fitted,
            said=float(fitted.calibration.probabilities_of(scores.max(axis=1)).mean()),
            right=float((scores.argmax(axis=1) == new.own).mean()),
            chosen=chosen,
            there=there,
            unseen={name: measure_rule(new, told.rule, told.threshold) for name, told in there.items()},
            own=scores[is_own],
            other=scores[~is_own],
        )

    def _questions(self, captions: Sequence[Caption]) -> Questions:
        """Return captions as queries over the photos that they were written for."""
        names = sorted({caption.image for caption in captions})
        place = {name: row for row, name in enumerate(names)}
        return Questions(
            self._texts([caption.text for caption in captions]),
            self._of(names),
            np.array([place[caption.image] for caption in captions]),
            self._texts(unrelated_texts()),
        )

    def _of(self, names: Sequence[str]) -> Vectors:
        return np.stack([self._photos[name] for name in names])
