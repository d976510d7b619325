"""What many people said of an image and a sentence becomes one number: their match probability."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gallery.errors import BadInput
from gallery.records import Judgement, Match


@dataclass(frozen=True, slots=True)
class Merging:
    """The choices of `match_probability`; the defaults are those of the task that the data was published with.

    Attributes:
        experts: What their grades are taken for: `majority`, the grade that more than half gave, or `mean`.
        tie: Where no grade has a majority: `drop` the pair, or take the `mean` of the grades.
        expert_weight: Of the experts' value, where both experts and crowd judged.
        crowd_weight: Of the crowd's share of yes; a weighted mean is taken, so only the ratio of the two counts.
        no_crowd: Where only experts judged: take the `experts`' value alone, take the crowd's for `zero`, or
            `drop` the pair.
        no_experts: Where only the crowd judged: `drop` the pair, or take the `crowd`'s share alone. Dropped by
            default: in Flickr8k these are 45501 of 51323 pairs, and nine of ten have no yes at all.
    """

    experts: Literal["majority", "mean"] = "majority"
    tie: Literal["drop", "mean"] = "drop"
    expert_weight: float = 0.6
    crowd_weight: float = 0.4
    no_crowd: Literal["experts", "zero", "drop"] = "experts"
    no_experts: Literal["drop", "crowd"] = "drop"

    def __post_init__(self) -> None:
        if min(self.expert_weight, self.crowd_weight) < 0 or self.expert_weight + self.crowd_weight <= 0:
            raise BadInput(
                f"weights {self.expert_weight} and {self.crowd_weight} of experts and crowd: give two that are not "
                "negative, and not both 0"
            )


DEFAULT_MERGING = Merging()


def match_probability(judgement: Judgement, merging: Merging = DEFAULT_MERGING) -> float | str:
    """Return the probability, 0 to 1, that image and sentence match; or why the pair is dropped.

    Grades 1…4 become 0…1 by `(grade - 1) / 3`. The crowd's value is its share of yes.

    >>> from gallery.records import Caption
    >>> pair = Judgement("a.jpg", Caption("b.jpg", "A dog"), grades=(2, 3, 3), yes=1, no=2)
    >>> round(match_probability(pair), 3)
    0.533
    >>> match_probability(Judgement("a.jpg", Caption("b.jpg", "A dog"), grades=(1, 2, 3)))
    'the experts disagree'
    """
    votes = judgement.yes + judgement.no
    if not judgement.grades:
        if not votes:
            return "nobody judged"
        return judgement.yes / votes if merging.no_experts == "crowd" else "only the crowd judged"
    experts = _experts(judgement.grades, merging)
    if experts is None:
        return "the experts disagree"
    if not votes and merging.no_crowd == "drop":
        return "only experts judged"
    if not votes and merging.no_crowd == "experts":
        return experts
    crowd = judgement.yes / votes if votes else 0.0
    weights = merging.expert_weight + merging.crowd_weight
    return (merging.expert_weight * experts + merging.crowd_weight * crowd) / weights


def match_probabilities(
    judgements: Iterable[Judgement], merging: Merging = DEFAULT_MERGING
) -> tuple[list[Match], Counter[str]]:
    """Return the judgements that have a match probability, in their order, and how many were dropped by reason."""
    matches, dropped = [], Counter[str]()
    for judgement in judgements:
        value = match_probability(judgement, merging)
        if isinstance(value, str):
            dropped[value] += 1
        else:
            matches.append(Match(judgement.image, judgement.caption, value))
    return matches, dropped


def _experts(grades: tuple[int, ...], merging: Merging) -> float | None:
    grade, votes = Counter(grades).most_common(1)[0]
    if merging.experts == "majority" and 2 * votes > len(grades):
        return (grade - 1) / 3
    if merging.experts == "majority" and merging.tie == "drop":
        return None
    return (sum(grades) / len(grades) - 1) / 3
