"""The interface of sufficient statistics as flows use them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._dispatch import IMPLEMENTATIONS
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.backend._scaling import quiet, representable
from ingd_ref.errors import OptionError

__all__ = ["Features", "Setting", "require_features"]


@dataclass(frozen=True, eq=False)
class Setting:
    """What :meth:`Features.example` may depend on.

    Attributes
    ----------
    points : array (n, d)
        A sample. Parameters of the features get its floating type.
    number : int
        How many features, where there is a choice.
    rng : numpy.random.Generator or seed
        For random parameters.
    spread : float
        Standard deviation of the sample.
    width : float
        Length over which the features change, in units of the spread.
    """

    points: Array
    number: int
    rng: np.random.Generator
    spread: float = 1.0
    width: float = 1.0

    def __post_init__(self) -> None:
        points = _checks.points(self.points, "points", array_namespace(points=self.points))
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "number", _checks.positive_integer(self.number, "number"))
        object.__setattr__(self, "rng", _checks.generator(self.rng))
        for name in ("spread", "width"):
            object.__setattr__(self, name, _checks.positive(getattr(self, name), name))

    @property
    def dim(self) -> int:
        """D, the number of coordinates."""
        return int(self.points.shape[1])

    def normal(self, *shape: int) -> Array:
        """Draw standard normal numbers."""
        return self.rng.normal(size=shape)


class Features(ABC):
    """Sufficient statistics f: R^d → R^b with their Jacobian ∇f ∈ R^{d×b}.

    A subclass defines ``_values`` and ``_values_and_jacobian``, which receive checked points. That
    is enough for a flow. To be tested by the laws (:mod:`ingd_ref.conformance`) it also defines
    `word` and :meth:`example`, and the other class attributes where their defaults are wrong.

    Attributes
    ----------
    word : str
        The name by which laws and adapters call the features.
    moves : frozenset of str
        Which of ``"shift"``, ``"rotation"`` and ``"scale"`` :meth:`moved` can do. Default: none.
    full_rank : bool
        The covariance of a few features at more particles is invertible. Default ``False``.
    least_dimension : int
        Smallest d. Default 1.
    always_finite : bool
        The methods below return finite numbers or raise. Default ``False``: results are checked.
    """

    word: ClassVar[str] = ""
    moves: ClassVar[frozenset[str]] = frozenset()
    full_rank: ClassVar[bool] = False
    least_dimension: ClassVar[int] = 1
    always_finite: ClassVar[bool] = False

    @_checks.guarded
    def __call__(self, x: Array, implementation: str = "auto") -> Array:
        """Return the features f(x_i).

        Parameters
        ----------
        x : array (n, d)
            Points.
        implementation : {"auto", "readable", "fused"}
            Default ``"auto"``.

        Returns
        -------
        array (n, b)

        Raises
        ------
        ShapeError
            If x is not (n, d), or its d is not that of the features.
        NonFiniteError
            If a coordinate is not finite.
        DomainError
            If a feature is beyond the largest number.
        BackendError
            If x and the parameters of the features belong to different libraries or devices.
        """
        _checks.choice(implementation, "implementation", IMPLEMENTATIONS)
        with quiet():
            return self._finite(self._values(self._checked(x), implementation))

    @_checks.guarded
    def jacobian(self, x: Array, implementation: str = "auto") -> Array:
        """Return the Jacobian ∂f_s/∂x_a at each point, shape (n, d, b).

        Arguments and errors are those of calling the features.
        """
        return self.values_and_jacobian(x, implementation)[1]

    @_checks.guarded
    def values_and_jacobian(self, x: Array, implementation: str = "auto") -> tuple[Array, Array]:
        """Return f (n, b) and ∇f (n, d, b), which share work."""
        _checks.choice(implementation, "implementation", IMPLEMENTATIONS)
        with quiet():
            values, jacobian = self._values_and_jacobian(self._checked(x), implementation)
            return self._finite(values), self._finite(jacobian)

    def draw(self, x: Array, y: Array, rng: RandomSource) -> Features:
        """Return the features for one step of a flow: themselves.

        Rules such as :class:`RandomCenters` return features that depend on the samples.
        """
        _checks.generator(rng)
        return self

    def definition(self, x: Any) -> tuple[Any, Any]:
        """Return f (b,) and ∇f (d, b) at one point, as their equation reads.

        The laws evaluate it in extended precision. Features of the package call the literal
        functions in :mod:`ingd_ref.equations`; the default is ``_values_and_jacobian`` at one
        point.
        """
        values, jacobian = self._values_and_jacobian(x[None, :], "readable")
        return values[0], jacobian[0]

    def moved(self, scale: float = 1.0, rotation: Any = None, shift: Any = 0.0) -> Self:
        """Return features g with g(scale · x @ rotation + shift) = f(x).

        Parameters
        ----------
        scale : float
            New length of the unit vectors. Default 1.
        rotation : array (d, d), optional
            An orthogonal matrix. Default: the identity.
        shift : array (d,), optional
            Default 0.
        """
        raise OptionError(f"{type(self).__name__} cannot be moved along with its points")

    @classmethod
    def example(cls, setting: Setting) -> Features:
        """Return an instance on which to test the features: of order one at the points given."""
        raise OptionError(f"the laws do not know how to make {cls.__name__}: define example")

    @abstractmethod
    def _values(self, x: Array, implementation: str) -> Array:
        """Return f (n, b) at checked points."""

    @abstractmethod
    def _values_and_jacobian(self, x: Array, implementation: str) -> tuple[Array, Array]:
        """Return f (n, b) and ∇f (n, d, b) at checked points."""

    def _finite(self, result: Array) -> Array:
        """Return values or Jacobian if they are finite."""
        return result if self.always_finite else representable(result, "a feature or its Jacobian")

    def _checked(self, x: Array) -> Array:
        return _checks.points(x, "x", array_namespace(x=x))


def require_features(features: object, method: str = "values_and_jacobian") -> None:
    """Raise :class:`OptionError` unless ``features`` has the method that will be called."""
    if not isinstance(method, str):
        raise OptionError(f"method must be the name of a method, got {type(method).__name__}")
    if isinstance(features, type) or not hasattr(features, method):
        raise OptionError(
            "features must be sufficient statistics with their Jacobian, "
            f"got {type(features).__name__}; wrap a family in "
            "ingd_ref.features.FamilyStatistics and a function in ingd_ref.features.UserFeatures"
        )
