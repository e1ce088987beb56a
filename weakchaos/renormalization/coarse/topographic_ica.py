"""Topographic independent component analysis: units on a torus whose neighbours are active together.

    maximise  -sum_i E sqrt(epsilon + sum_j h_ij (w_j . z)^2)    over orthogonal W, for whitened z

A. Hyvarinen, P. O. Hoyer and M. Inki, Neural Computation 13 (2001) 1527, doi:10.1162/089976601750264992; h is 1 on the square of units around i, on a torus. The
gradient is followed along the orthogonal matrices, W <- (W W^T)^(-1/2) W, with a step that grows by a fifth where the objective rises and halves where it does not.
A neighbourhood of radius 0 is plain independent component analysis.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from weakchaos.core.arguments import positive, real_array, whole_number
from weakchaos.core.errors import ArgumentError, ArgumentTypeError, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["TopographicICA", "null_patches"]

NULLS = ("gaussian", "phases", "normalised phases")


def _pooled(x: np.ndarray, side: int, radius: int) -> np.ndarray:
    """Sums over the square of units around each, on a torus; x has shape (n, side^2)."""
    grid = x.reshape(-1, side, side)
    for axis in (1, 2):
        grid = sum((np.roll(grid, k, axis) for k in range(-radius, radius + 1)), np.zeros_like(grid))
    return grid.reshape(x.shape)


def _sides(shape: Any, features: int, of: str = "the features of the model") -> tuple[int, int]:
    """Rows and columns of a patch."""
    try:
        rows, columns = (whole_number("shape", n, 1) for n in shape)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"`shape` must be rows and columns of a patch; got {shown(shape)}") from error
    if rows * columns != features:
        raise ArgumentError(f"`shape` must have {features} pixels, {of}; got {shown(shape)}")
    return rows, columns


def _orthogonal(w: np.ndarray) -> np.ndarray:
    u, _, v = np.linalg.svd(w, full_matrices=False)
    return u @ v


class TopographicICA:
    """Topographic independent component analysis with the interface of a scikit-learn transformer.

    Parameters
    ----------
    side : int
        Units lie on a torus of side x side.
    radius : int
        Of the neighbourhood: 1 pools 3 x 3 units, 0 is plain independent component analysis.
    n_steps : int
    epsilon : float
        Inside of the square root, in squares of whitened units.
    random_state : int or None

    Attributes
    ----------
    components_ : array of shape (side^2, n_features)
        What a unit multiplies centred data by.
    filters_ : array of shape (side^2, n_features)
        The pattern that a unit stands for: the columns of the inverse map.
    mean_ : array of shape (n_features,)
    objective_ : array
        After each step that was taken.
    n_features_in_ : int

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Notes
    -----
    That neighbours share their energy says something of the data only beside nulls: see `topography` and `null_patches`.

    Examples
    --------
    >>> x = np.random.default_rng(0).laplace(size=(500, 20))
    >>> model = TopographicICA(side=4, n_steps=5, random_state=0).fit(x)
    >>> model.transform(x).shape, bool(np.allclose(np.cov(model.transform(x).T), np.eye(16), atol=0.01))
    ((500, 16), True)
    """

    def __init__(self, side: int = 8, radius: int = 1, n_steps: int = 150, epsilon: float = 0.1, random_state: Any = None):
        self.side, self.radius, self.n_steps, self.epsilon, self.random_state = side, radius, n_steps, epsilon, random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self).__init__).parameters if name != "self"}

    def set_params(self, **params: Any) -> TopographicICA:
        """Change parameters by name."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ArgumentError(f"`{name}` is no parameter of TopographicICA, which has {', '.join(self.get_params())}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return f"TopographicICA({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "components_")

    @staticmethod
    def _data(X: Any, features: int | None = None) -> np.ndarray:
        x = real_array("X", X)
        if x.ndim != 2 or x.size == 0:
            raise ArgumentError(f"`X` must have shape (n_samples, n_features), neither of them 0; got {x.shape}")
        if not np.isfinite(x).all():
            raise ArgumentError("`X` must be finite; some entries are NaN or infinite")
        if features is not None and x.shape[1] != features:
            raise ArgumentError(f"`X` must have the {features} features that this model was fitted to; got {x.shape[1]}")
        return x

    def fit(self, X: Any, y: Any = None) -> TopographicICA:
        """Whiten `X`, of shape (n_samples, n_features), keep its side^2 largest principal components, and turn them until neighbours agree."""
        side, radius = whole_number("side", self.side, 2, 64), whole_number("radius", self.radius, 0, 31)
        n_steps, epsilon = whole_number("n_steps", self.n_steps, 0, 10**6), positive("epsilon", self.epsilon)
        if 2 * radius + 1 > side:
            raise ArgumentError(f"`radius` must leave the square of a unit inside of the torus of side {side}; got {radius}")
        x, k = self._data(X), side * side
        if x.shape[1] < k or len(x) <= k:
            raise ArgumentError(
                f"`X` must have at least {k} features and more than {k} samples for {side} x {side} units; it has shape {x.shape}: take a smaller side"
            )
        self.mean_, self.n_features_in_ = x.mean(0), x.shape[1]
        x = x - self.mean_
        values, vectors = np.linalg.eigh(x.T @ x / len(x))
        values, vectors = values[::-1][:k], vectors[:, ::-1][:, :k]
        if values[-1] <= 1e-12 * values[0]:
            raise ArgumentError(
                f"`X` must vary in {k} directions, one a unit; it does in {int((values > 1e-12 * values[0]).sum())}: take a smaller side"
            )
        whitening = vectors / np.sqrt(values)
        z = x @ whitening
        rng = np.random.default_rng(self.random_state)
        w = _orthogonal(rng.standard_normal((k, k)))
        step, history = 1.0, []
        energy, gradient = self._objective(z, w, side, radius, epsilon)
        for _ in range(n_steps):
            turned = gradient - w @ gradient.T @ w  # along the orthogonal matrices
            moved = _orthogonal(w + step * turned)
            new, slope = self._objective(z, moved, side, radius, epsilon)
            if new > energy:
                w, energy, gradient, step = moved, new, slope, min(1.2 * step, 1e3)
                history.append(energy)
            else:
                step *= 0.5
                if step < 1e-12:
                    break
        self.components_ = w @ whitening.T
        self.filters_ = w @ (vectors * np.sqrt(values)).T
        self.objective_ = np.array(history)
        return self

    @staticmethod
    def _objective(z: np.ndarray, w: np.ndarray, side: int, radius: int, epsilon: float) -> tuple[float, np.ndarray]:
        s = z @ w.T
        root = np.sqrt(epsilon + _pooled(s**2, side, radius))
        return -float(root.sum(1).mean()), -(_pooled(1.0 / root, side, radius) * s).T @ z / len(z)

    def transform(self, X: Any) -> np.ndarray:
        """The activities of the units, shape (n_samples, side^2)."""
        self._need_fit("transform")
        return (self._data(X, self.n_features_in_) - self.mean_) @ self.components_.T

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """`fit`, then `transform`."""
        return self.fit(X).transform(X)

    def inverse_transform(self, S: Any) -> np.ndarray:
        """Data from activities of shape (n_samples, side^2), in the space of the components that were kept."""
        self._need_fit("inverse_transform")
        return self._data(S, len(self.filters_)) @ self.filters_ + self.mean_

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the units, row and column on the torus."""
        return np.array([f"unit{r}_{c}" for r in range(self.side) for c in range(self.side)], object)

    def _need_fit(self, what: str) -> None:
        if not hasattr(self, "components_"):
            raise ArgumentError(f"`{what}` needs a model that was fitted: call fit(X) first")

    # ---- topography ----------------------------------------------------------------------------------------------------------------

    def topography(self, X: Any, permutations: int = 200, seed: Any = 0) -> dict[str, float]:
        """Whether neighbouring units share their energy; take data that were not fitted, as on those of the fit they share more than on others.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        permutations : int
            Of the units on the torus: the null of no topography.
        seed : optional

        Returns
        -------
        dict
            ``near`` and ``far``: mean correlation of the squares of units one step and at least three steps apart (NaN on a torus of side 4 or 5, where no
            units are so far apart); ``z``: by how many standard deviations ``near`` exceeds its values after `permutations`; ``kurtosis``: the mean over
            units, 3 for a Gaussian, which tells whether units found anything but variances.

        Raises
        ------
        ArgumentError
            On a torus of side 2 or 3, where all units are neighbours.
        """
        s = self.transform(X)
        if len(s) < 3:
            raise ArgumentError(f"`X` must have at least 3 samples for correlations; got {len(s)}")
        if not (np.ptp(s**2, axis=0) > 1e-12 * (s**2).max()).all():
            raise ArgumentError("`X` must vary in every unit, as energies that do not have no correlation")
        correlation = np.corrcoef((s**2).T)
        near, far = self._steps() == 1, self._steps() >= 3
        found = correlation[near].mean()
        shuffled = self._shuffled(correlation, near, permutations, seed)
        return {
            "near": float(found),
            "far": float(correlation[far].mean()) if far.any() else float("nan"),
            "z": float((found - shuffled.mean()) / shuffled.std()),
            "kurtosis": float(((s - s.mean(0)) ** 4).mean(0).mean() / (s.var(0) ** 2).mean()),
        }

    def orientation(self, shape: tuple[int, int], permutations: int = 200, seed: Any = 0) -> dict[str, float]:
        """Whether neighbouring units have similar orientations, for filters of image patches.

        Parameters
        ----------
        shape : (int, int)
            Rows and columns of a patch.

        Returns
        -------
        dict
            ``difference``: of the orientations of neighbours, in degrees, 45 for unrelated ones; ``null`` and ``null_sd``: mean and standard deviation of the
            same after permutations of the units; ``z``: by how many of these standard deviations ``difference`` exceeds ``null``, negative where neighbours
            are alike.

        Raises
        ------
        ArgumentError
            If `shape` does not fit, or on a torus of side 2 or 3, where all units are neighbours.
        """
        self._need_fit("orientation")
        rows, columns = _sides(shape, self.n_features_in_)
        if min(rows, columns) < 2:
            raise ArgumentError(f"`shape` must have two rows and columns at least for a direction; got {shown(shape)}")
        down, across = np.gradient(self.filters_.reshape(-1, rows, columns), axis=(1, 2))
        # The direction in which a filter varies most, by its structure tensor.
        angle = 0.5 * np.arctan2(2.0 * (down * across).sum((1, 2)), (across**2 - down**2).sum((1, 2)))
        gap = np.abs(angle[:, None] - angle)
        gap = np.degrees(np.minimum(gap, np.pi - gap))
        near = self._steps() == 1
        shuffled = self._shuffled(gap, near, permutations, seed)
        found, mean, sd = float(gap[near].mean()), float(shuffled.mean()), float(shuffled.std())
        return {"difference": found, "null": mean, "null_sd": sd, "z": (found - mean) / sd}

    def _steps(self) -> np.ndarray:
        """Steps between units on the torus, the larger of rows and columns."""
        line = np.arange(self.side)
        gap = np.abs(line[:, None] - line)
        gap = np.minimum(gap, self.side - gap)
        rows, columns = np.divmod(np.arange(self.side**2), self.side)
        return np.maximum(gap[rows[:, None], rows], gap[columns[:, None], columns])

    @staticmethod
    def _shuffled(matrix: np.ndarray, pairs: np.ndarray, permutations: int, seed: Any) -> np.ndarray:
        rng, out = np.random.default_rng(seed), []
        count = whole_number("permutations", permutations, 2, 10**6)
        if pairs.sum() == len(matrix) * (len(matrix) - 1):
            raise ArgumentError(
                "`side` must be at least 4 for neighbours to be told from other units: on a smaller torus all units are neighbours"
            )
        for _ in range(count):
            order = rng.permutation(len(matrix))
            out.append(matrix[np.ix_(order, order)][pairs].mean())
        return np.array(out)

    def plot(self, shape: tuple[int, int], path: Any = None) -> Figure:
        """The filters on their torus, as a matplotlib figure; saved where a path is given."""
        from matplotlib.figure import Figure as NewFigure

        self._need_fit("plot")
        rows, columns = _sides(shape, self.n_features_in_)
        sheet = np.full((self.side * (rows + 1) + 1, self.side * (columns + 1) + 1), np.nan)
        for k, pattern in enumerate(self.filters_):
            r, c = divmod(k, self.side)
            place = slice(r * (rows + 1) + 1, (r + 1) * (rows + 1)), slice(c * (columns + 1) + 1, (c + 1) * (columns + 1))
            sheet[place] = pattern.reshape(rows, columns) / np.abs(pattern).max()
        figure = NewFigure(figsize=(5, 5), layout="constrained")
        axes = figure.subplots()
        axes.imshow(sheet, cmap="gray", vmin=-1, vmax=1)
        axes.set(xticks=[], yticks=[])
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure


def null_patches(patches: Any, shape: tuple[int, int], kind: str = "gaussian", seed: Any = None) -> np.ndarray:
    """Patches that have one property of those given, chosen by `kind`, and are random in all others.

    Parameters
    ----------
    patches : array of shape (n, rows * columns)
    shape : (int, int)
        Rows and columns of a patch.
    kind : {"gaussian", "phases", "normalised phases"}
        Gaussian noise of the same mean and covariance; each patch with its own spectrum and random phases, which keeps its contrast and its orientation; the
        same with all contrasts made equal.
    seed : optional

    Returns
    -------
    array of shape (n, rows * columns)

    Raises
    ------
    ArgumentError, ArgumentTypeError

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(10, 16))
    >>> y = null_patches(x, (4, 4), "phases", seed=1)
    >>> bool(np.allclose((x**2).sum(1), (y**2).sum(1)))
    True
    """
    x = TopographicICA._data(patches)
    rows, columns = _sides(shape, x.shape[1], "the columns of `patches`")
    if kind not in NULLS:
        raise ArgumentError(f"`kind` must be one of {', '.join(NULLS)}; got {shown(kind)}")
    rng = np.random.default_rng(seed)
    if kind == "gaussian":
        values, vectors = np.linalg.eigh(np.cov(x.T, bias=True).reshape(x.shape[1], -1))
        return x.mean(0) + (rng.standard_normal(x.shape) * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    # The phases of real noise have the symmetry that keeps a patch real.
    noise = np.fft.fft2(rng.standard_normal((len(x), rows, columns)))
    spectrum = np.fft.fft2(x.reshape(len(x), rows, columns))
    turned = np.abs(spectrum) * noise / np.abs(noise)
    turned[:, 0, 0] = spectrum[:, 0, 0]
    out = np.fft.ifft2(turned).real.reshape(x.shape)
    if kind == "phases":
        return out
    mean = out.mean(1, keepdims=True)
    size = np.linalg.norm(out - mean, axis=1, keepdims=True)
    return mean + np.divide(out - mean, size, out=np.zeros_like(out), where=size > 0) * np.sqrt(x.shape[1])
