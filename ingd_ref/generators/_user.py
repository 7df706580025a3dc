"""A generator given by a function, with one or both of its products, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, device, item
from ingd_ref.backend._operations import contract
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.generators._base import Generator, Linearisation, Product, unit_vectors

__all__ = ["UserGenerator"]

# A central difference of a smooth function is off by O(h²) + O(eps/h): h = eps^{1/3} balances the
# two at eps^{2/3}. The same difference at 2h is off by four times the truncation part, so the two
# agree to a few eps^{2/3} times the size of x where g is smooth; 1e4 admits functions that bend
# quickly, and still detects a kink or noise (an error of order one, or a larger eps/h).
SMOOTHNESS_FACTOR = 1e4

Value = Callable[[Array, Array], Array]
Derivative = Callable[[Array, Array, Array], Array]


@dataclass(frozen=True, eq=False)
class UserGenerator(Generator):
    """A generator x = g(z; w) given by a function.

    Its Jacobian products are supplied too, or are numerical and checked.

    Parameters
    ----------
    function : callable
        Maps parameters (p,) and latent points (n, k) to samples (n, d), each row independently.
    blocks : mapping of str to tuple of int
        Names and shapes of the parts of the parameters, in their order, such as ``{"matrix": (3,
        2), "offset": (3,)}``.
    dimension : int
        Number d of coordinates of a sample.
    latent_dimension : int
        Number k of coordinates of a latent point.
    jvp : callable, optional
        Maps parameters (p,), latent points (n, k) and one tangent u (p,) to J_i u (n, d).
    vjp : callable, optional
        Maps parameters (p,), latent points (n, k) and one cotangent c (n, d) to Σ_i J_iᵀ c_i (p,).
    initial : callable, optional
        Maps a random generator, or None, to parameters (p,) to start from, a NumPy array. Default:
        zeros.
    latents : callable, optional
        Maps a random generator and a number n to latent points (n, k), a NumPy array. Default:
        standard normal ones.

    Raises
    ------
    DomainError
        If a dimension is not an integer of at least 1. When called, if numerical derivatives at
        two steps disagree: the function has a kink or is noisy there.
    ShapeError, NonFiniteError, BackendError
        When called, if a function does not return finite arrays of these shapes in the library of
        the parameters.

    Notes
    -----
    A missing product is computed from the other one: J u from n·d calls of ``vjp`` with one point
    each, Jᵀ c from p calls of ``jvp``. With neither, derivatives are Richardson's extrapolation of
    central differences at steps h and 2h in the direction of u, with h = eps^{1/3} max(1, |w|);
    their error is some eps^{2/3} (4e-11 in float64) of the size of x. Both are slow.
    :meth:`product_error` compares given products with numerical ones.

    Examples
    --------
    >>> import numpy as np
    >>> blocks = {"location": (), "log_scale": ()}
    >>> function = lambda w, z: w[0] + np.exp(w[1]) * z
    >>> generator = UserGenerator(function, blocks, dimension=1, latent_dimension=1)
    >>> generator.jvp(np.zeros(2), np.array([[2.0]]), np.array([0.0, 1.0])).round(6)
    array([[2.]])
    """

    function: Value
    shapes: dict[str, tuple[int, ...]]
    dimension: int
    latent_dimension: int
    supplied_jvp: Derivative | None = field(repr=False)
    supplied_vjp: Derivative | None = field(repr=False)
    supplied_initial: Callable[[np.random.Generator], np.ndarray] | None = field(repr=False)
    supplied_latents: Callable[[np.random.Generator, int], np.ndarray] | None = field(repr=False)

    def __init__(
        self,
        function: Value,
        blocks: Mapping[str, tuple[int, ...]],
        dimension: int,
        latent_dimension: int,
        jvp: Derivative | None = None,
        vjp: Derivative | None = None,
        initial: Callable[[np.random.Generator], np.ndarray] | None = None,
        latents: Callable[[np.random.Generator, int], np.ndarray] | None = None,
    ) -> None:
        _checks.instance(blocks, "blocks", Mapping, "a mapping from names to shapes")
        _checks.function(function, "function")
        optional = {"jvp": jvp, "vjp": vjp, "initial": initial, "latents": latents}
        for name, supplied in optional.items():
            if supplied is not None:
                _checks.function(supplied, name)
        if not blocks:
            raise OptionError("blocks must name at least one part of the parameters")
        shapes = {
            name: tuple(
                _checks.positive_integer(length, f"blocks[{name!r}]")
                for length in _checks.sequence(shape, "blocks", "int")
            )
            for name, shape in blocks.items()
        }
        given = {
            "function": function,
            "shapes": shapes,
            "dimension": _checks.positive_integer(dimension, "dimension"),
            "latent_dimension": _checks.positive_integer(latent_dimension, "latent_dimension"),
            "supplied_jvp": jvp,
            "supplied_vjp": vjp,
            "supplied_initial": initial,
            "supplied_latents": latents,
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parts of the parameters."""
        return dict(self.shapes)

    def product_error(self, parameters: Array, latents: Array) -> float:
        """Return the largest error of the given products, relative to the largest Jacobian entry.

        The reference is a numerical Jacobian.

        Parameters
        ----------
        parameters : array (p,)
            The parameters w.
        latents : array (n, k)
            Latent points; a few are enough, as each costs d calls of ``vjp``.

        Returns
        -------
        float
            About 1e-10 in float64 for correct products.

        Raises
        ------
        OptionError
            If neither product was given.
        """
        xp, w, z = self._arguments(parameters, latents)
        found = []
        if self.supplied_jvp is not None:
            found.append(self._by_columns(xp, self._push(xp, w, z), w))
        if self.supplied_vjp is not None:
            found.append(self._by_rows(xp, w, z, self.supplied_vjp))
        if not found:
            raise OptionError("there is no supplied product to compare with the numerical one")
        numerical = self._by_columns(xp, self._numerical(xp, w, z), w)
        scale = item(xp.max(xp.abs(numerical)))
        worst = max(item(xp.max(xp.abs(jacobian - numerical))) for jacobian in found)
        return float(worst / (scale if scale > 0 else 1.0))

    def _value(self, xp: Namespace, w: Array, z: Array) -> Array:
        value = self.function(w, z)
        value = _checks.returned(value, "what the generator returned", parameters=w)
        return xp.asarray(value, copy=True)

    def _linearise(self, xp: Namespace, w: Array, z: Array) -> Linearisation:
        return Linearisation(self._value(xp, w, z), self._push(xp, w, z), self._pull(xp, w, z))

    def _push(self, xp: Namespace, w: Array, z: Array) -> Product:
        jvp, vjp, shape = self.supplied_jvp, self.supplied_vjp, (z.shape[0], self.dimension)
        if jvp is not None:
            return lambda tangents: self._each(
                xp, lambda u: jvp(w, z, u), tangents, shape, "what jvp returned"
            )
        if vjp is not None:
            rows = partial(self._by_rows, xp, w, z, vjp)
            return lambda tangents: contract(xp, "ndp,sp->snd", rows(), tangents)
        return self._numerical(xp, w, z)

    def _pull(self, xp: Namespace, w: Array, z: Array) -> Product:
        vjp = self.supplied_vjp
        if vjp is not None:
            return lambda cotangents: self._each(
                xp, lambda c: vjp(w, z, c), cotangents, (self.size,), "what vjp returned"
            )
        push = self._push(xp, w, z)

        def pull(cotangents: Array) -> Array:
            columns = (push(axis) for axis in unit_vectors(xp, self.size, 1, w))
            products = [xp.sum(cotangents * column, axis=(1, 2)) for column in columns]
            return xp.stack(products, axis=1)

        return pull

    def _each(
        self, xp: Namespace, product: Product, batch: Array, shape: tuple[int, ...], name: str
    ) -> Array:
        """Return a given product of each member of a batch, in its shape."""
        results = (product(xp.asarray(batch[row, ...], copy=True)) for row in range(batch.shape[0]))
        return xp.stack([self._shaped(xp, result, shape, name, batch) for result in results])

    def _by_columns(self, xp: Namespace, push: Product, like: Array) -> Array:
        """Return Jacobians (n, d, p) from tangents."""
        axes = unit_vectors(xp, self.size, 1, like)
        return xp.stack([push(axis)[0, ...] for axis in axes], axis=2)

    def _by_rows(self, xp: Namespace, w: Array, z: Array, vjp: Derivative) -> Array:
        """Return Jacobians (n, d, p) from cotangents at one point at a time."""
        axes = list(unit_vectors(xp, self.dimension, 1, w))
        rows = []
        for point in range(z.shape[0]):
            one = z[point : point + 1, :]
            rows += [
                self._shaped(xp, vjp(w, one, axis), (self.size,), "what vjp returned", w)
                for axis in axes
            ]
        return xp.reshape(xp.stack(rows), (z.shape[0], self.dimension, self.size))

    def _numerical(self, xp: Namespace, w: Array, z: Array) -> Product:
        """Return the product with tangents, by differences."""
        return lambda tangents: xp.stack(
            [self._difference(xp, w, z, tangents[row, :]) for row in range(tangents.shape[0])]
        )

    def _difference(self, xp: Namespace, w: Array, z: Array, tangent: Array) -> Array:
        """Return J u (n, d) from central differences at two steps that must agree."""
        length, eps = item(xp.max(xp.abs(tangent))), xp.finfo(w.dtype).eps
        if length == 0.0:
            return xp.zeros((z.shape[0], self.dimension), dtype=w.dtype, device=device(w))
        step = eps ** (1.0 / 3.0) * max(1.0, item(xp.max(xp.abs(w)))) / length
        fine, coarse = (
            self._central_difference(xp, w, z, factor * step * tangent, factor * step)
            for factor in (1.0, 2.0)
        )
        value = item(xp.max(xp.abs(self._checked_value(xp, w, z))))
        size = length * (item(xp.max(xp.abs(fine))) / length + value)
        gap = item(xp.max(xp.abs(fine - coarse)))
        if gap > SMOOTHNESS_FACTOR * eps ** (2.0 / 3.0) * size:
            raise DomainError(
                "function has no reliable numerical derivatives: differences at two steps disagree "
                f"by {gap:.1e}; supply jvp= or vjp="
            )
        return (4.0 * fine - coarse) / 3.0

    def _central_difference(
        self, xp: Namespace, w: Array, z: Array, shift: Array, step: float
    ) -> Array:
        ahead, behind = (self._checked_value(xp, moved, z) for moved in (w + shift, w - shift))
        return (ahead - behind) / (2.0 * step)

    def _checked_value(self, xp: Namespace, w: Array, z: Array) -> Array:
        return self._sample(xp, self._value(xp, w, z), w, z)

    def _latents(self, rng: np.random.Generator, number: int) -> np.ndarray:
        if self.supplied_latents is None:
            return super()._latents(rng, number)
        points = np.asarray(self.supplied_latents(rng, number), dtype=np.float64)
        if points.shape != (number, self.latent_dimension):
            raise ShapeError(
                f"latents must return shape {(number, self.latent_dimension)}, "
                f"it returned {points.shape}"
            )
        return points

    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        given = np.zeros(self.size) if self.supplied_initial is None else self.supplied_initial(rng)
        start = np.asarray(given, dtype=np.float64)
        if start.shape != (self.size,):
            raise ShapeError(f"initial must return shape {(self.size,)}, it returned {start.shape}")
        return {name: start[place] for name, place in self._places()}
