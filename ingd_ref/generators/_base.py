"""The interface of generators x = g(z; w): values and exact products of their Jacobians (N1)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import array_api_compat.numpy as host_namespace
import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    device,
    is_array,
    item,
    to_backend,
)
from ingd_ref.backend._operations import symmetrise, tiles
from ingd_ref.errors import DomainError, OptionError, ShapeError

__all__ = ["Generator", "Linearisation", "Product", "unit_vectors"]

Product = Callable[[Array], Array]

# Bytes of B that a Gram matrix holds at a time, and of one tile of its rows: enough to keep the
# matrix product busy.
HELD_BYTES = 24 * 2**20
TILE_BYTES = 2 * 2**20


@dataclass(frozen=True, eq=False)
class Linearisation:
    """Samples with the two products of their Jacobian, which share the forward pass.

    Attributes
    ----------
    value : array (n, d)
        Samples x_i = g(z_i; w).
    push : callable
        Maps tangents (s, p) to J_i u (s, n, d).
    pull : callable
        Maps cotangents (s, n, d) to Σ_i J_iᵀ c_i (s, p).
    """

    value: Array
    push: Product
    pull: Product


class Generator(ABC):
    r"""A generator x_i = g(z_i; w) ∈ R^d of samples, with products of its Jacobians J_i, (N1).

    J_i = ∂g(z_i; w)/∂w ∈ R^{d×p}. The object is the architecture; the parameters w are a flat array
    (p,), an argument of each call, which decides library, device and floating-point type of all
    results. The parts of w have names (:attr:`blocks`); :meth:`split` and :meth:`pack` convert one
    form to the other.

    A subclass is a frozen dataclass with the attributes ``latent_dimension`` and ``dimension``, and
    gives :attr:`blocks`, :meth:`_linearise` and :meth:`_initial`, which get checked arguments.

    Attributes
    ----------
    latent_dimension : int
        Number k of coordinates of a latent point z_i.
    dimension : int
        Number d of coordinates of a sample x_i.

    Examples
    --------
    A user-defined generator, x = w z with one parameter:

    >>> import numpy as np
    >>> class Stretch(Generator):
    ...     latent_dimension = dimension = 1
    ...     blocks = {"factor": ()}
    ...
    ...     def _linearise(self, xp, w, z):
    ...         push = lambda u: u[:, :, None] * z
    ...         pull = lambda c: xp.sum(c * z, axis=1)
    ...         return Linearisation(w * z, push, pull)
    ...
    ...     def _initial(self, rng):
    ...         return {"factor": np.ones(())}
    >>> Stretch().gram(np.array([3.0]), np.array([[1.0], [2.0]]), np.ones((1, 2, 1)))  # (1 + 2)²
    array([[9.]])
    """

    latent_dimension: int
    dimension: int

    @property
    @abstractmethod
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parts of w, in the order in which they lie in it."""

    @property
    def size(self) -> int:
        """Number p of parameters."""
        return sum(math.prod(shape) for shape in self.blocks.values())

    @_checks.guarded
    def __call__(self, parameters: Array, latents: Array) -> Array:
        """Return the samples x_i = g(z_i; w).

        Parameters
        ----------
        parameters : array (p,)
            The parameters w.
        latents : array (n, k)
            Latent points z_i, such as :meth:`latents` draws.

        Returns
        -------
        array (n, d)
            Samples, in library, device and dtype of the parameters.

        Raises
        ------
        NonFiniteError
            If an argument or a sample is not finite.
        DomainError
            If parameters or latent points lie outside the set on which the generator is defined.
        """
        xp, w, z = self._arguments(parameters, latents)
        return self._sample(xp, self._value(xp, w, z), w, z)

    @_checks.guarded
    def value_and_jvp(self, parameters: Array, latents: Array) -> tuple[Array, Product]:
        """Return the samples x (n, d), and a function of the tangent as :meth:`jvp`."""
        xp, w, z = self._arguments(parameters, latents)
        linear = self._linearise(xp, w, z)
        value = self._sample(xp, linear.value, w, z)

        def push(tangent: Array) -> Array:
            u, single = self._batch(xp, tangent, "tangent", (self.size,), w)
            moved = self._shaped(
                xp, linear.push(u), (u.shape[0], *value.shape), "the Jacobian-vector product", w
            )
            if not item(xp.all(xp.isfinite(moved))):
                self._require_finite(xp, linear, u)
                _checks.finite(moved, "the Jacobian-vector product", xp)
            return moved[0, ...] if single else moved

        return value, push

    @_checks.guarded
    def value_and_vjp(self, parameters: Array, latents: Array) -> tuple[Array, Product]:
        """Return the samples x (n, d), and a function of the cotangent as :meth:`vjp`."""
        xp, w, z = self._arguments(parameters, latents)
        linear = self._linearise(xp, w, z)
        value = self._sample(xp, linear.value, w, z)

        def pull(cotangent: Array) -> Array:
            c, single = self._batch(xp, cotangent, "cotangent", tuple(value.shape), w)
            rows = self._rows(xp, linear, c)
            return rows[0, :] if single else rows

        return value, pull

    @_checks.guarded
    def jvp(self, parameters: Array, latents: Array, tangent: Array) -> Array:
        """Return J_i u, the velocity of the samples when w moves with velocity u, equation (N1).

        Parameters
        ----------
        parameters : array (p,)
            The parameters w.
        latents : array (n, k)
            Latent points z_i.
        tangent : array (p,) or (s, p)
            One velocity u, or s of them.

        Returns
        -------
        array (n, d) or (s, n, d)

        Raises
        ------
        NonFiniteError
            If the Jacobian is not finite; the message names the parameters that it belongs to.
        """
        return self.value_and_jvp(parameters, latents)[1](tangent)

    @_checks.guarded
    def vjp(self, parameters: Array, latents: Array, cotangent: Array) -> Array:
        """Return Σ_i J_iᵀ c_i, the derivative of Σ_i ⟨c_i, x_i⟩ by w, equation (N1).

        With c_i = π_i ∇f_k(x_i) it is row k of B.

        Parameters
        ----------
        parameters : array (p,)
            The parameters w.
        latents : array (n, k)
            Latent points z_i.
        cotangent : array (n, d) or (s, n, d)
            One covector c_i at each sample, or s of them, each summed over the samples separately.

        Returns
        -------
        array (p,) or (s, p)

        Raises
        ------
        NonFiniteError
            If the Jacobian is not finite; the message names the parameters that it belongs to.
        """
        return self.value_and_vjp(parameters, latents)[1](cotangent)

    @_checks.guarded
    def jacobian(self, parameters: Array, latents: Array) -> Array:
        """Return the Jacobians J_i = ∂g(z_i; w)/∂w, shape (n, d, p), equation (N1).

        They hold n·d·p numbers: for reading and testing. Velocities use the products.
        """
        xp, w, z = self._arguments(parameters, latents)
        linear = self._linearise(xp, w, z)
        value = self._sample(xp, linear.value, w, z)
        rows = self._jacobian(xp, w, z, linear)
        matrix = self._shaped(xp, rows, (*value.shape, self.size), "the Jacobian", w)
        for name, place in self._places():
            _checks.finite(matrix[..., place], f"the Jacobian with respect to {name!r}", xp)
        return matrix

    @_checks.guarded
    def gram(self, parameters: Array, latents: Array, cotangents: Array) -> Array:
        """Return B Bᵀ, where row k of B is the :meth:`vjp` of the k-th cotangent.

        With c = π ∇f it is the matrix of (N3).

        Parameters
        ----------
        parameters : array (p,)
            The parameters w.
        latents : array (n, k)
            Latent points z_i.
        cotangents : array (s, n, d)
            Covectors, such as π_i ∂f_k(x_i)/∂x.

        Returns
        -------
        array (s, s)
            Symmetric and positive semi-definite, to rounding.

        Notes
        -----
        Neither the Jacobians (n, d, p) nor more than 24 MiB of B (or two rows of it, if they are
        more) are held. Rows of a larger B are formed several times, which costs time instead of
        memory.
        """
        xp, w, z = self._arguments(parameters, latents)
        linear = self._linearise(xp, w, z)
        value = self._sample(xp, linear.value, w, z)
        cotangents = _checks.returned(cotangents, "cotangents", parameters=w)
        if cotangents.ndim != 3:
            raise ShapeError(
                f"cotangents must have shape (s, {value.shape[0]}, {value.shape[1]}), "
                f"got {tuple(cotangents.shape)}"
            )
        c, _ = self._batch(xp, cotangents, "cotangents", tuple(value.shape), w)
        return symmetrise(xp, self._gram(xp, linear, c))

    def latents(self, number: int, rng: RandomSource, like: Array | None = None) -> Array:
        """Draw latent points, standard normal by default.

        Parameters
        ----------
        number : int
            Their number n.
        rng : numpy.random.Generator or seed
            Source of all randomness; draws on the host.
        like : array, optional
            Decides library, device and floating type. Default: NumPy, float64.

        Returns
        -------
        array (n, k)
        """
        return _moved(
            self._latents(_checks.generator(rng), _checks.positive_integer(number, "number")), like
        )

    def initial(self, rng: RandomSource = None, like: Array | None = None) -> Array:
        """Return parameters to start from.

        Parameters
        ----------
        rng : numpy.random.Generator or seed, optional
            For generators whose start is random, such as networks; the others ignore it.
        like : array, optional
            Decides library, device and floating type. Default: NumPy, float64.

        Returns
        -------
        array (p,)

        Raises
        ------
        OptionError
            If ``rng`` is neither a generator nor a seed.
        """
        parts = self._initial(_checks.generator(rng))
        flat = [np.asarray(parts[name], dtype=np.float64).reshape(-1) for name in self.blocks]
        return _moved(np.concatenate(flat), like)

    def split(self, parameters: Array) -> dict[str, Array]:
        """Return copies of the named parts of w, each in its shape; the reverse of :meth:`pack`.

        Parameters
        ----------
        parameters : array (p,)
            The parameters w.

        Returns
        -------
        dict of str to array
            A part of shape :attr:`blocks` ``[name]`` for each name.
        """
        xp = array_namespace(parameters=parameters)
        w = _checks.vector(parameters, "parameters", self.size, xp)
        return {name: xp.asarray(part, copy=True) for name, part in self._parts(xp, w).items()}

    def pack(self, **parts: Array | float) -> Array:
        """Return the flat parameters w (p,) with these parts.

        Parameters
        ----------
        **parts : array or float
            Every part by its name: arrays or numbers that broadcast to their shapes in
            :attr:`blocks`. Arrays share library and device; w has the floating-point type of the
            first of them (float64 of NumPy if all parts are numbers).

        Returns
        -------
        array (p,)

        Raises
        ------
        OptionError
            If a part is missing or unknown.
        ShapeError
            If a part does not broadcast to its shape.
        """
        if set(parts) != set(self.blocks):
            raise OptionError(
                f"the parts must be {', '.join(self.blocks)}; got {', '.join(parts) or 'none'}"
            )
        given = {name: part for name, part in parts.items() if is_array(part)}
        xp = array_namespace(**given) if given else host_namespace
        first = next(iter(given.items()), ("", np.empty(0)))
        like = _checks.real_array(first[1], first[0], xp)
        flat = []
        for name, shape in self.blocks.items():
            part = _checks.number_or_array(parts[name], name, xp, like)
            pairs = zip(part.shape[::-1], shape[::-1], strict=False)
            if part.ndim > len(shape) or any(a not in (1, b) for a, b in pairs):
                raise ShapeError(f"{name} must have shape {shape}, got {tuple(part.shape)}")
            flat.append(xp.reshape(xp.broadcast_to(part, shape), (-1,)))
        return xp.concat(flat)

    @abstractmethod
    def _linearise(self, xp: Namespace, w: Array, z: Array) -> Linearisation:
        """Return samples with both products; work that only these need belongs into them."""

    @abstractmethod
    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return host arrays of the shapes in :attr:`blocks`, by name."""

    def _value(self, xp: Namespace, w: Array, z: Array) -> Array:
        """Return samples (n, d) without products."""
        return self._linearise(xp, w, z).value

    def _domain(self, xp: Namespace, w: Array, z: Array) -> dict[str, Array]:
        """Return requirements of g, in words, with boolean arrays of where they hold."""
        return {}

    def _latents(self, rng: np.random.Generator, number: int) -> np.ndarray:
        """Return a host array (n, k) of latent points."""
        return rng.normal(size=(number, self.latent_dimension))

    def _jacobian(self, xp: Namespace, w: Array, z: Array, linear: Linearisation) -> Array:
        """Return Jacobians (n, d, p) from p unit vectors, in tiles no larger than the result."""
        tile = max(1, z.shape[0] * self.dimension)
        columns = [linear.push(axes) for axes in unit_vectors(xp, self.size, tile, w)]
        return xp.permute_dims(xp.concat(columns, axis=0), (1, 2, 0))

    def _gram(self, xp: Namespace, linear: Linearisation, cotangents: Array) -> Array:
        """Return B Bᵀ from row tiles of B; those that fit are held, later ones recomputed."""
        edge = max(1, TILE_BYTES // (8 * self.size))
        cuts = list(tiles(cotangents.shape[0], edge))
        held = max(1, HELD_BYTES // (8 * self.size * edge))
        blocks: dict[tuple[int, int], Array] = {}
        for group in tiles(len(cuts), held):
            rows: dict[int, Array] = {}
            for j in range(group.start, len(cuts)):
                tile = self._rows(xp, linear, cotangents[cuts[j], ...])
                if j < group.stop:
                    rows[j] = tile
                for i, before in rows.items():
                    blocks[i, j] = xp.matmul(before, xp.matrix_transpose(tile))
                    blocks[j, i] = xp.matrix_transpose(blocks[i, j])
                del tile
        number = range(len(cuts))
        stripes = [xp.concat([blocks[i, j] for j in number], axis=1) for i in number]
        return xp.concat(stripes, axis=0)

    def _rows(self, xp: Namespace, linear: Linearisation, cotangents: Array) -> Array:
        """Return Σ_i J_iᵀ c_i (s, p) of cotangents (s, n, d), checked."""
        expected, what = (cotangents.shape[0], self.size), "the vector-Jacobian product"
        rows = self._shaped(xp, linear.pull(cotangents), expected, what, cotangents)
        if not item(xp.all(xp.isfinite(rows))):
            for name, place in self._places():
                what = f"the Jacobian with respect to {name!r}, multiplied by the cotangent,"
                _checks.finite(rows[:, place], what, xp)
        return rows

    def _arguments(self, parameters: Array, latents: Array) -> tuple[Namespace, Array, Array]:
        """Return the namespace, w and z, checked."""
        xp = array_namespace(parameters=parameters, latents=latents)
        w = _checks.vector(parameters, "parameters", self.size, xp)
        z = _checks.points(latents, "latents", xp, dim=self.latent_dimension, like=w)
        for requirement, met in self._domain(xp, w, z).items():
            if not item(xp.all(met)):
                raise DomainError(f"the generator is defined for {requirement} only")
        return xp, w, z

    def _sample(self, xp: Namespace, value: Array, w: Array, z: Array) -> Array:
        """Return the samples if they have their shape and are finite."""
        expected = (z.shape[0], self.dimension)
        value = _checks.returned(value, "what the generator returned", parameters=w)
        if tuple(value.shape) != expected:
            raise ShapeError(f"generator returned shape {tuple(value.shape)}, expected {expected}")
        return _checks.finite(_checks.real_array(value, "the sample", xp, like=w), "the sample", xp)

    def _shaped(
        self, xp: Namespace, product: Array, expected: tuple[int, ...], name: str, like: Array
    ) -> Array:
        product = _checks.returned(product, name, parameters=like)
        if tuple(product.shape) != expected:
            raise ShapeError(f"{name} has shape {tuple(product.shape)}, expected {expected}")
        return _checks.real_array(product, name, xp, like=like)

    def _batch(
        self, xp: Namespace, x: Array, name: str, shape: tuple[int, ...], like: Array
    ) -> tuple[Array, bool]:
        """Return vectors of this shape with a batch axis in front, and whether it was missing."""
        x = _checks.returned(x, name, parameters=like)
        single = x.ndim == len(shape)
        leading = x.ndim - len(shape)
        if leading not in (0, 1) or tuple(x.shape[leading:]) != shape or x.shape[0] == 0:
            batched = str(("s", *shape)).replace("'s'", "s")
            raise ShapeError(f"{name} must have shape {shape} or {batched}, got {tuple(x.shape)}")
        x = _checks.finite(_checks.real_array(x, name, xp, like=like), name, xp)
        return (x[None, ...] if single else x), single

    def _require_finite(self, xp: Namespace, linear: Linearisation, tangents: Array) -> None:
        """Raise NonFiniteError naming the parameters whose part of a product is not finite."""
        numbers = xp.arange(self.size, device=device(tangents))
        for name, place in self._places():
            inside = (numbers >= place.start) & (numbers < place.stop)
            chosen = xp.where(inside, tangents, xp.zeros_like(tangents))
            what = f"the Jacobian with respect to {name!r}, multiplied by the tangent,"
            _checks.finite(linear.push(chosen), what, xp)

    def _places(self) -> Iterator[tuple[str, slice]]:
        """Yield the name of each part of w with its place."""
        start = 0
        for name, shape in self.blocks.items():
            stop = start + math.prod(shape)
            yield name, slice(start, stop)
            start = stop

    def _parts(self, xp: Namespace, w: Array) -> dict[str, Array]:
        """Return the parts of w (..., p) by name, each in its shape; possibly views."""
        blocks, leading = self.blocks, tuple(w.shape[:-1])
        return {
            name: xp.reshape(w[..., place], (*leading, *blocks[name]))
            for name, place in self._places()
        }


def unit_vectors(xp: Namespace, size: int, tile: int, like: Array) -> Iterator[Array]:
    """Yield the rows of the identity matrix of this size, in tiles."""
    numbers = xp.arange(size, device=device(like))
    for cut in tiles(size, tile):
        yield xp.astype(numbers[cut][:, None] == numbers[None, :], like.dtype)


def _moved(host: np.ndarray, like: Array | None) -> Array:
    return host if like is None else to_backend(host, _checks.floating(like, "like"))
