"""The parts of a report that are about judged pairs: agreement, probabilities, telling that nothing matches."""

from collections.abc import Sequence

from eval.blocks import Block, heading, plot, table, text
from eval.judging import Judging
from eval.nothing import MOST_QUERIES, SEPARATES, Told
from eval.trained import Held


def people(judging: Judging, encoder: str) -> list[Block]:
    """Return what the encoder's order has in common with people's."""
    expert, crowd = judging.expert, judging.crowd
    return [
        heading("Agreement with people"),
        table(
            (f"{encoder}", "Kendall's τ", "Spearman's rank correlation", "pairs"),
            [
                (
                    f"{who}, τ-{sure.agreement.variant}",
                    f"{sure.agreement.tau:.3f} [{sure.low:.3f}, {sure.high:.3f}]",
                    f"{sure.agreement.spearman:.3f}",
                    str(sure.agreement.pairs),
                )
                for who, sure in (("grades of three experts", expert), ("shares of yes of a crowd", crowd))
            ],
        ),
        text(
            "How far the order of the cosines is the order in which people judged pairs of photo and sentence, from -1 "
            "to 1. The procedure is that of CLIPScore: own captions are left out of the experts' pairs, and each of "
            "the three grades is an item of its own. Trained systems are left out: "
            "they learned from these very judgements."
        ),
    ]


def held_out(held_out: Sequence[Held]) -> list[Block]:
    """Return the errors of every system on pairs that it was not fitted to."""
    if not held_out:
        return []
    rows = []
    for held in held_out:
        e = held.errors
        of_errors = [f"{v:.3f}" for v in (e.rmse, e.r2, e.brier, e.calibration_error)] if e else ["-"] * 4
        tau = f"{held.experts.tau:.3f}" if held.experts.pairs else "-"
        rows.append((held.name, *of_errors, tau))
    pairs = next((held.errors.pairs for held in held_out if held.errors), 0)
    return [
        heading("Predicting what people said"),
        table(("system", "RMSE", "R²", "Brier score", "calibration error", "τ-c with experts"), rows),
        text(
            f"Photos were held out: {pairs} judged pairs have their photo and the photo of their sentence among these, "
            "and every system was fitted to pairs that have neither. RMSE and R² are against the match probability, "
            "Brier score and calibration error against match (at least a half) or not. Two towers predict no "
            "probability. A system may predict well how people judged and yet find nothing: that a photo fits many "
            "sentences is worth knowing for the one and useless for the other."
        ),
    ]


def probability(judging: Judging, encoder: str) -> list[Block]:
    """Return the calibration of the encoder."""
    fitted, (said, was) = judging.fitted, judging.calibrated_on_unseen
    errors = fitted.errors
    return [
        heading("How probable is a match?"),
        text(
            f"The cosines of {encoder} were calibrated on {fitted.calibration.pairs} judged pairs of the other "
            f"photos: a pair is a match where people's match probability is at least a half. "
            f"{fitted.calibration.kind.capitalize()} regression was chosen by its Brier score on held-out photos. "
            "Pairs of a photo and its own caption, which are held out together more often than others, are weighted "
            "down in turn."
        ),
        table(
            ("on photos that it was not fitted to", ""),
            [
                *((f"Brier score, {kind}", f"{brier:.4f}") for kind, brier in fitted.brier.items()),
                ("calibration error", f"{errors.calibration_error:.4f}"),
                ("RMSE against the match probability", f"{errors.rmse:.4f}"),
                ("R² against the match probability", f"{errors.r2:.3f}"),
                ("pairs", str(errors.pairs)),
                ("first answers to the queries: mean probability said", f"{said:.3f}"),
                ("first answers to the queries: share that is the right photo", f"{was:.3f}"),
            ],
        ),
        plot("report-reliability.png", "Observed share of matches over predicted probability, in ten bins of pairs."),
        text(
            "The last two lines tell how far the probability can be taken out of the judged pairs and into a search: a "
            "first answer was picked out of many, and a photo that fits may not be the one that counts as right."
        ),
        plot("report-scores.png", "Distributions of the cosines of matching and of other pairs of the unseen photos."),
    ]


def nothing(judging: Judging) -> list[Block]:
    """Return the rules for telling that nothing matches."""
    choice = judging.choice
    chosen, unseen = next(pair for pair in judging.nothing if pair[0].rule == choice.rule)
    by_default, unseen_default = judging.default
    drawn = f", with {MOST_QUERIES} of their captions, drawn by chance" if by_default.queries == MOST_QUERIES else ""
    return [
        heading("Can it tell that nothing matches?"),
        text(
            "Every query was asked with its own photo in the collection, and without it. A rule is good if its number "
            f"is lower without. Rule and threshold of `search --strict` were chosen on the {choice.photos} other "
            f"photos{drawn}, in collections of all, three tenths and a tenth of them, as a rule has to hold in "
            "collections of any size: of each rule the highest threshold that keeps 95 % of the queries with an "
            "answer, and then the rule with the highest AUROC; of equal ones that which goes by the collection. Then "
            "all were applied once "
            "to the unseen photos. AUROC 0.5 is chance; of a false answer one speaks where the own photo is gone and "
            "the threshold is reached nevertheless."
        ),
        table(
            ("rule", "AUROC there", "kept there", "false there", "threshold", "AUROC", "kept", "false answers"),
            [
                *(_rule(NAMES[pair[0].rule] + " (chosen)" * (pair[0] is chosen), *pair) for pair in judging.nothing),
                _rule("by default: its standing, of all photos there", by_default, unseen_default),
            ],
        ),
        text(
            f"**Chosen: {NAMES[chosen.rule]}, at least {chosen.threshold:.3f}.** {_worth(chosen.auroc, unseen.auroc)} "
            f"On the unseen photos it keeps {unseen.kept:.0%} of the queries with an answer, and gives a false one to "
            f"{unseen.false_answers:.0%} of the others. `evaluate calibrate` keeps both with the encoder. Without it, "
            f"`search --strict` goes by the default, a standing of {by_default.threshold:g}: what hardly "
            f"any unrelated text finds, which keeps {unseen_default.kept:.0%} and gives a false answer to "
            f"{unseen_default.false_answers:.0%}. Probability and standing rise with the cosine, so within one "
            "collection they have one AUROC, but for ties; they differ in whether a threshold holds in another."
        ),
    ]


NAMES = {
    "cosine": "cosine of the best picture",
    "probability": "its match probability",
    "standing": "its standing among unrelated texts",
    "pictures": "the same, picture by picture (not in `search`)",
}


def _rule(name: str, before: Told, after: Told) -> tuple[str, ...]:
    there = (f"{before.auroc:.3f}", f"{before.kept:.1%}", f"{before.false_answers:.1%}", f"{before.threshold:.3f}")
    return (name, *there, f"{after.auroc:.3f}", f"{after.kept:.1%}", f"{after.false_answers:.1%}")


def _worth(there: float, here: float) -> str:
    if max(there, here) < SEPARATES:
        return (
            f"With an AUROC of {there:.2f} there and {here:.2f} here no rule separates: whether the right photo is in "
            "the collection cannot be told from this encoder's scores, and a threshold that keeps right answers keeps "
            "wrong ones."
        )
    return f"Its AUROC is {there:.2f} there and {here:.2f} here."
