"""Learns early fusion: linear regression, ridge, and a fully connected network, each on standardised inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from baseline.fusion import FusionModel, Layer
from baseline.lessons import Rows, inner_parts
from baseline.repeatable import repeatable
from gallery.vectors import Vectors

ALPHAS = (1e1, 1e2, 1e3, 1e4, 1e5, 1e6)
FUSIONS = ("linear", "ridge", "mlp")


@dataclass(frozen=True, slots=True)
class NetworkChoices:
    """How the network is trained.

    Attributes:
        hidden: Units of the hidden layers.
        dropout: After the inputs and after every hidden layer.
        decay: Weight decay of AdamW.
        rate: AdamW's learning rate.
        epochs: The most passes over the rows; training stops after `PATIENCE` of them without progress on held-out
            rows.
    """

    hidden: tuple[int, ...] = (128,)
    dropout: float = 0.3
    decay: float = 0.1
    rate: float = 3e-4
    epochs: int = 40


NETWORKS = tuple(
    NetworkChoices(hidden, dropout, decay)
    for hidden in ((64,), (256, 64))
    for dropout, decay in ((0.2, 0.01), (0.5, 0.3))
)
"""Tried on held-out training photos; the best is used."""
PATIENCE = 8
BATCH = 256


def fit(kind: str, rows: Rows, seed: int = 0) -> FusionModel:
    """Fit one of `FUSIONS`; its hyperparameters are chosen on photos held out of `rows`."""
    from sklearn.linear_model import LinearRegression

    if kind == "mlp":
        return fit_network(rows, seed)
    if kind == "linear":  # with more columns than rows, the solution with the smallest norm
        return _one_layer("linear", LinearRegression(), rows)
    train, validation = inner_parts(rows, seed)
    errors = [rmse(_ridge(train, alpha), validation) for alpha in ALPHAS]
    return _ridge(rows, ALPHAS[int(np.argmin(errors))])


def fit_network(rows: Rows, seed: int = 0, choices: Sequence[NetworkChoices] = NETWORKS) -> FusionModel:
    """Fit the network of `choices` that does best on photos held out of `rows`, to all rows.

    Holding photos out leaves half of the pairs. They decide only which network and how many passes; the network is then
    fitted again to all pairs.
    """
    chosen, passes = best_network(rows, seed, choices)
    model, _ = _network(rows, None, replace(chosen, epochs=passes), seed)
    return model


def best_network(rows: Rows, seed: int, choices: Sequence[NetworkChoices] = NETWORKS) -> tuple[NetworkChoices, int]:
    """Return the choice that does best on photos held out of `rows`, and its number of passes over the others."""
    train, validation = inner_parts(rows, seed)
    fitted = [_network(train, validation, choice, seed) for choice in choices]
    best = int(np.argmin([rmse(model, validation) for model, _ in fitted]))
    return choices[best], fitted[best][1]


def rmse(model: FusionModel, rows: Rows) -> float:
    """Return the root of the mean squared error of the unclipped values."""
    return float(np.sqrt(np.mean((model.pairs(rows.text, rows.image) - rows.target) ** 2)))


def _standardised(rows: Rows) -> tuple[Vectors, Vectors, Vectors]:
    inputs = np.concatenate([rows.text, rows.image], axis=1)
    centre, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale[scale < 1e-6] = 1  # a constant component carries no information
    return (inputs - centre) / scale, centre, scale


def _ridge(rows: Rows, alpha: float) -> FusionModel:
    from sklearn.linear_model import Ridge

    return replace(_one_layer("ridge", Ridge(alpha), rows), made_with={"alpha": alpha})


def _one_layer(kind: str, model: Any, rows: Rows) -> FusionModel:  # noqa: ANN401 - sklearn has no types
    inputs, centre, scale = _standardised(rows)
    model.fit(inputs, rows.target)
    weights, bias = np.asarray(model.coef_, np.float32), np.asarray(model.intercept_, np.float32)
    return FusionModel(kind, centre, scale, [(np.atleast_2d(weights), np.atleast_1d(bias))])


def _network(train: Rows, validation: Rows | None, choices: NetworkChoices, seed: int) -> tuple[FusionModel, int]:
    """Train one network; return it after its best pass (or else its last), with the pass's number."""
    import torch
    from torch import nn

    inputs, centre, scale = _standardised(train)
    x, y = torch.from_numpy(inputs), torch.from_numpy(train.target.astype(np.float32))
    with repeatable(seed):
        network = nn.Sequential(nn.Dropout(choices.dropout))
        for width, following in pairwise((x.shape[1], *choices.hidden)):
            network.extend([nn.Linear(width, following), nn.ReLU(), nn.Dropout(choices.dropout)])
        network.append(nn.Linear(choices.hidden[-1], 1))
        optimizer = torch.optim.AdamW(network.parameters(), lr=choices.rate, weight_decay=choices.decay)
        made = {"hidden": choices.hidden, "dropout": choices.dropout, "decay": choices.decay}
        best, best_error, passes = FusionModel("mlp", centre, scale, _layers(network), made), float("inf"), 0
        for number in range(1, choices.epochs + 1):
            network.train()
            for batch in torch.randperm(len(x)).split(BATCH):  # type: ignore[no-untyped-call]
                optimizer.zero_grad()
                nn.functional.mse_loss(network(x[batch])[:, 0], y[batch]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            model = FusionModel("mlp", centre, scale, _layers(network), made)
            error = rmse(model, validation) if validation else 0.0
            if error < best_error or not validation:
                best, best_error, passes = model, error, number
            if number - passes == PATIENCE:
                break
    return replace(best, made_with={**made, "passes": passes}), passes


def _layers(network: object) -> list[Layer]:
    from torch import nn

    assert isinstance(network, nn.Sequential)
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    return [(layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()) for layer in linear]
