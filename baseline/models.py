"""Early fusion, learned: linear regression, ridge, and a fully connected network, each on standardised inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from baseline.fusion import FusionModel, Layer
from baseline.repeatable import repeatable
from baseline.rows import Rows, inner_parts
from gallery.encoder import Vectors

ALPHAS = (1e1, 1e2, 1e3, 1e4, 1e5, 1e6)
FUSIONS = ("linear", "ridge", "mlp")


@dataclass(frozen=True, slots=True)
class NetworkChoices:
    """How the network is trained.

    Attributes:
        hidden: Units of the hidden layers.
        dropout: After the inputs and after every hidden layer.
        decay: Weight decay of AdamW.
        rate: Of AdamW.
        epochs: At most; training stops when eight passes over the rows have not helped on those held out.
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
"""Tried on photos held out of those to learn from; the best is taken."""
PATIENCE = 8
BATCH = 256


def fit(kind: str, rows: Rows, seed: int = 0) -> FusionModel:
    """Fit one of `FUSIONS`; what there is to choose is chosen on photos held out of `rows`."""
    if kind == "mlp":
        return fit_network(rows, seed)
    return fit_linear(rows) if kind == "linear" else fit_ridge(rows, seed)


def fit_linear(rows: Rows) -> FusionModel:
    """Fit by least squares; where there are more columns than rows, the shortest of the many solutions."""
    from sklearn.linear_model import LinearRegression

    inputs, centre, scale = _standardised(rows)
    return _one_layer("linear", LinearRegression().fit(inputs, rows.target), centre, scale)


def fit_ridge(rows: Rows, seed: int = 0) -> FusionModel:
    """Fit with the penalty of `ALPHAS` that does best on photos held out of `rows`."""
    train, validation = inner_parts(rows, seed)
    errors = [rmse(_ridge(train, alpha), validation) for alpha in ALPHAS]
    return _ridge(rows, ALPHAS[int(np.argmin(errors))])


def fit_network(rows: Rows, seed: int = 0, choices: Sequence[NetworkChoices] = NETWORKS) -> FusionModel:
    """Fit the network of `choices` that does best on photos held out of `rows`; those stop its training, too."""
    train, validation = inner_parts(rows, seed)
    fitted = [_network(train, validation, choice, seed) for choice in choices]
    return min(fitted, key=lambda model: rmse(model, validation))


def rmse(model: FusionModel, rows: Rows) -> float:
    """Return the root of the mean squared error of the unclipped values."""
    return float(np.sqrt(np.mean((model.pairs(rows.text, rows.image) - rows.target) ** 2)))


def _standardised(rows: Rows) -> tuple[Vectors, Vectors, Vectors]:
    inputs = np.concatenate([rows.text, rows.image], axis=1)
    centre, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale[scale < 1e-6] = 1  # a component that never changes says nothing
    return (inputs - centre) / scale, centre, scale


def _ridge(rows: Rows, alpha: float) -> FusionModel:
    from sklearn.linear_model import Ridge

    inputs, centre, scale = _standardised(rows)
    model = _one_layer("ridge", Ridge(alpha).fit(inputs, rows.target), centre, scale)
    model.made_with["alpha"] = alpha
    return model


def _one_layer(kind: str, fitted: object, centre: Vectors, scale: Vectors) -> FusionModel:
    weights = np.atleast_2d(np.asarray(getattr(fitted, "coef_"), np.float32))  # noqa: B009 - sklearn has no types
    bias = np.atleast_1d(np.asarray(getattr(fitted, "intercept_"), np.float32))  # noqa: B009
    return FusionModel(kind, centre, scale, [(weights, bias)])


def _network(train: Rows, validation: Rows, choices: NetworkChoices, seed: int) -> FusionModel:
    import torch
    from torch import nn

    inputs, centre, scale = _standardised(train)
    x, y = torch.from_numpy(inputs), torch.from_numpy(train.target.astype(np.float32))
    held = np.concatenate([validation.text, validation.image], axis=1)
    held_x = torch.from_numpy((held - centre) / scale)
    held_y = torch.from_numpy(validation.target.astype(np.float32))
    with repeatable(seed):
        network = nn.Sequential(nn.Dropout(choices.dropout))
        for width, following in pairwise((x.shape[1], *choices.hidden)):
            network.extend([nn.Linear(width, following), nn.ReLU(), nn.Dropout(choices.dropout)])
        network.append(nn.Linear(choices.hidden[-1], 1))
        optimizer = torch.optim.AdamW(network.parameters(), lr=choices.rate, weight_decay=choices.decay)
        best, best_error, waited = _layers(network), float("inf"), 0
        for _ in range(choices.epochs):
            network.train()
            for batch in torch.randperm(len(x)).split(BATCH):  # type: ignore[no-untyped-call]
                optimizer.zero_grad()
                nn.functional.mse_loss(network(x[batch])[:, 0], y[batch]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            network.eval()
            with torch.inference_mode():
                error = float(nn.functional.mse_loss(network(held_x)[:, 0], held_y))
            waited += 1
            if error < best_error:
                best, best_error, waited = _layers(network), error, 0
            if waited == PATIENCE:
                break
    made = {"hidden": choices.hidden, "dropout": choices.dropout, "decay": choices.decay}
    return FusionModel("mlp", centre, scale, best, made)


def _layers(network: object) -> list[Layer]:
    from torch import nn

    assert isinstance(network, nn.Sequential)
    return [
        (layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy())
        for layer in network
        if isinstance(layer, nn.Linear)
    ]
