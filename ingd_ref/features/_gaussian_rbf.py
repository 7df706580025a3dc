"""Gaussian radial basis functions, the features of the published experiments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array, array_namespace, to_backend
from ingd_ref.equations import statistics as equations
from ingd_ref.errors import OptionError
from ingd_ref.features._base import Features, Setting
from ingd_ref.kernels._bandwidth import MEDIAN_RULES, trusted_median_bandwidth

__all__ = ["GaussianRBF", "RandomCenters"]


@dataclass(frozen=True, eq=False)
class GaussianRBF(Features):
    r"""Gaussian radial basis functions at given centres (section 4).

    .. math:: f_s(x) = e^{-\|x - c_s\|^2 / (2\sigma^2)},
              \qquad \nabla f_s(x) = f_s(x)\,(c_s - x)/\sigma^2

    Parameters
    ----------
    centers : array (b, d)
        Centres c.
    bandwidth : float > 0
        σ, in the units of x.

    Raises
    ------
    ShapeError, NonFiniteError
        If the centres are not finite (b, d) numbers.
    DomainError
        If the bandwidth is not positive.
    BackendError
        If the centres are not an array.

    Notes
    -----
    Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> features = GaussianRBF(np.array([[0.0], [1.0]]), bandwidth=1.0)
    >>> features(np.array([[0.0]])).round(4), features.jacobian(np.array([[0.0]])).shape
    (array([[1.    , 0.6065]]), (1, 1, 2))
    """

    centers: Array
    bandwidth: float

    word: ClassVar[str] = "rbf"
    moves: ClassVar[frozenset[str]] = frozenset({"shift", "rotation", "scale"})
    full_rank: ClassVar[bool] = True
    always_finite: ClassVar[bool] = True

    def __post_init__(self) -> None:
        xp = array_namespace(centers=self.centers)
        object.__setattr__(
            self, "centers", xp.asarray(_checks.points(self.centers, "centers", xp), copy=True)
        )
        object.__setattr__(self, "bandwidth", _checks.positive(self.bandwidth, "bandwidth"))

    def _values(self, x: Array, implementation: str) -> Array:
        centers = self._centers_for(x)
        return kernel("gaussian_rbf", x, centers, implementation=implementation)(
            x, centers, self.bandwidth
        )

    def _values_and_jacobian(self, x: Array, implementation: str) -> tuple[Array, Array]:
        centers = self._centers_for(x)
        run = kernel("gaussian_rbf_with_jacobian", x, centers, implementation=implementation)
        values, jacobian = run(x, centers, self.bandwidth)
        return values, jacobian

    def definition(self, x: Any) -> tuple[Any, Any]:
        arguments = x, x * 0 + self.centers, x[0] * 0 + self.bandwidth
        return equations.gaussian_rbf(*arguments), equations.gaussian_rbf_jacobian(*arguments)

    def moved(self, scale: float = 1.0, rotation: Any = None, shift: Any = 0.0) -> Self:
        turned = self.centers if rotation is None else self.centers @ rotation
        return type(self)(scale * turned + shift, scale * self.bandwidth)

    @classmethod
    def example(cls, setting: Setting) -> GaussianRBF:
        """Return features at centres near some of the points."""
        points, number, spread = setting.points, setting.number, setting.spread
        chosen = points[setting.rng.choice(len(points), number, replace=number > len(points))]
        centers = chosen + 0.3 * spread * setting.normal(number, setting.dim)
        return cls(centers.astype(points.dtype), float(setting.width * spread * setting.dim**0.5))

    def _centers_for(self, x: Array) -> Array:
        xp = array_namespace(x=x, centers=self.centers)
        _checks.same_dimension(x, "x", self.centers, "centers")
        return xp.astype(self.centers, x.dtype, copy=False)


@dataclass(frozen=True)
class RandomCenters:
    """Gaussian RBF features at centres drawn from particles and target, again at each step.

    Parameters
    ----------
    number : int
        How many centres, or all points if there are fewer. Default 200.
    bandwidth : float > 0 or "median"
        σ of the features; ``"median"`` (default) is the median rule (K8) on both samples together.
    rule : {"midpoint", "lower"}
        Which median. Default ``"midpoint"``.

    Raises
    ------
    DomainError
        If the number or the bandwidth is not positive.
    OptionError
        If the rule is unknown.

    Notes
    -----
    Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.zeros((3, 1)), np.ones((3, 1))
    >>> RandomCenters(4).draw(x, y, np.random.default_rng(0)).centers.shape
    (4, 1)
    """

    number: int = 200
    bandwidth: float | str = "median"
    rule: str = "midpoint"

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", _checks.positive_integer(self.number, "number"))
        _checks.choice(self.rule, "rule", MEDIAN_RULES)
        if isinstance(self.bandwidth, str):
            if self.bandwidth != "median":
                raise OptionError(
                    f"bandwidth must be a positive number or 'median', got {self.bandwidth!r}"
                )
        else:
            object.__setattr__(self, "bandwidth", _checks.positive(self.bandwidth, "bandwidth"))

    @_checks.guarded
    def draw(self, x: Array, y: Array, rng: RandomSource) -> GaussianRBF:
        """Return features at random points of x (n, d) and y (m, d)."""
        xp = array_namespace(x=x, y=y)
        x = _checks.table(x, "x", xp)
        pooled = xp.concat([x, _checks.table(y, "y", xp, dim=x.shape[1], like=x)], axis=0)
        chosen = _checks.generator(rng).permutation(pooled.shape[0])[: self.number]
        sigma = (
            trusted_median_bandwidth(pooled, self.rule)
            if self.bandwidth == "median"
            else float(self.bandwidth)
        )
        return GaussianRBF(xp.take(pooled, to_backend(chosen, x), axis=0), sigma)
