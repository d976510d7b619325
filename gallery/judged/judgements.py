"""Turns several people's judgements of an image and a sentence into one number: their match probability."""

from collections import Counter
from collections.abc import Iterable

from gallery.records import Judgement, Match

EXPERTS, CROWD = 0.6, 0.4
"""Weights if both judged, as in the task that the data was published with."""


def match_probability(judgement: Judgement, *, crowd_alone: bool = False) -> float | str:
    """Return the probability, 0 to 1, that image and sentence match; or why the pair is dropped.

    Grades 1 to 4 become 0 to 1 by `(grade - 1) / 3`, and the experts' value is the grade that more than half gave. The
    crowd's value is its share of yes. If only the experts judged, their value counts. If only the crowd did, the pair
    is dropped unless `crowd_alone`: in Flickr8k, these are 45501 of 51323 pairs, nine in ten without a single yes.

    >>> from gallery.records import Caption
    >>> pair = Judgement("a.jpg", Caption("b.jpg", "A dog"), grades=(2, 3, 3), yes=1, no=2)
    >>> round(match_probability(pair), 3)
    0.533
    >>> match_probability(Judgement("a.jpg", Caption("b.jpg", "A dog"), grades=(1, 2, 3)))
    'the experts disagree'
    """
    votes = judgement.yes + judgement.no
    share = judgement.yes / votes if votes else 0.0
    if not judgement.grades:
        if not votes:
            return "nobody judged"
        return share if crowd_alone else "only the crowd judged"
    grade, most = Counter(judgement.grades).most_common(1)[0]
    if 2 * most <= len(judgement.grades):
        return "the experts disagree"
    experts = (grade - 1) / 3
    return EXPERTS * experts + CROWD * share if votes else experts


def match_probabilities(
    judgements: Iterable[Judgement], *, crowd_alone: bool = False
) -> tuple[list[Match], Counter[str]]:
    """Return the judgements that have a match probability, in their order, and how many were dropped by reason."""
    matches, dropped = [], Counter[str]()
    for judgement in judgements:
        value = match_probability(judgement, crowd_alone=crowd_alone)
        if isinstance(value, str):
            dropped[value] += 1
        else:
            matches.append(Match(judgement.image, judgement.caption, value))
    return matches, dropped
