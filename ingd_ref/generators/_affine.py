"""Affine maps of the latent points."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, to_backend
from ingd_ref.backend._operations import contract
from ingd_ref.generators._base import Generator, Linearisation

__all__ = ["Affine"]

KINDS = ("full", "triangular", "diagonal")


@dataclass(frozen=True)
class Affine(Generator):
    r"""The generator x = m + L z: with standard normal z, of N(m, L Lᵀ).

    .. math:: J u = \dot m + \dot L z

    Parameters
    ----------
    dimension : int
        Number d of coordinates of x and of z.
    kind : {"full", "triangular", "diagonal"}
        Which entries of L are parameters: all (default), those on and below the diagonal, or those
        on it. The others are zero.

    Attributes
    ----------
    blocks : dict
        ``location`` (d,), and ``matrix`` (d, d), ``triangle`` (d(d+1)/2,) or ``diagonal`` (d,). The
        triangle holds L_00, L_10, L_11, L_20 and so on, row by row.

    Raises
    ------
    DomainError
        If ``dimension`` is not an integer of at least 1.
    OptionError
        If ``kind`` is none of the three.

    Notes
    -----
    The start is at m = 0 and L = I. L need be neither positive definite nor invertible. Source:
    [L25].

    Examples
    --------
    >>> import numpy as np
    >>> generator = Affine(2, "triangular")
    >>> w = generator.pack(location=0.0, triangle=np.array([2.0, 1.0, 3.0]))
    >>> generator(w, np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([[2., 1.],
           [0., 3.]])
    >>> generator.covariance(w)
    array([[ 4.,  2.],
           [ 2., 10.]])
    """

    dimension: int
    kind: str = "full"
    latent_dimension: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", _checks.positive_integer(self.dimension, "dimension"))
        object.__setattr__(self, "latent_dimension", self.dimension)
        _checks.choice(self.kind, "kind", KINDS)

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """``location``, and ``matrix``, ``triangle`` or ``diagonal``."""
        name = {"full": "matrix", "triangular": "triangle", "diagonal": "diagonal"}[self.kind]
        flat = self._rows_and_columns()[0].shape
        shape = (self.dimension, self.dimension) if self.kind == "full" else flat
        return {"location": (self.dimension,), name: shape}

    @_checks.guarded
    def covariance(self, parameters: Array) -> Array:
        """Return L Lᵀ (d, d), the covariance of x for standard normal z.

        Parameters
        ----------
        parameters : array (p,)
            The parameters w.

        Returns
        -------
        array (d, d)
        """
        xp = array_namespace(parameters=parameters)
        w = _checks.vector(parameters, "parameters", self.size, xp)
        factor = self._matrices(xp, w[None, :])[0, ...]
        return xp.matmul(factor, xp.matrix_transpose(factor))

    def _linearise(self, xp: Namespace, w: Array, z: Array) -> Linearisation:
        def push(tangents: Array) -> Array:
            matrices = xp.matrix_transpose(self._matrices(xp, tangents))
            return tangents[:, None, : self.dimension] + xp.matmul(z, matrices)

        def pull(cotangents: Array) -> Array:
            matrices = contract(xp, "sna,nb->sab", cotangents, z)
            flat = xp.reshape(matrices, (matrices.shape[0], -1))
            entries = xp.take(flat, self._entries(w), axis=1)
            return xp.concat([xp.sum(cotangents, axis=1), entries], axis=1)

        return Linearisation(push(w[None, :])[0, ...], push, pull)

    def _matrices(self, xp: Namespace, w: Array) -> Array:
        """Return L (s, d, d) of the parameters w (s, p)."""
        entries = w[:, self.dimension :]
        if self.kind == "full":
            return xp.reshape(entries, (-1, self.dimension, self.dimension))
        # Each entry of L is picked from the parameters, or from a zero behind them.
        where = np.full((self.dimension, self.dimension), entries.shape[1])
        where[self._rows_and_columns()] = np.arange(entries.shape[1])
        padded = xp.concat([entries, xp.zeros_like(entries[:, :1])], axis=1)
        picked = xp.take(padded, to_backend(where.ravel(), w), axis=1)
        return xp.reshape(picked, (-1, self.dimension, self.dimension))

    def _entries(self, like: Array) -> Array:
        """Return the places of the parameters in the flattened L."""
        rows, columns = self._rows_and_columns()
        return to_backend(rows * self.dimension + columns, like)

    def _rows_and_columns(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the row and column of each parameter in L."""
        if self.kind == "diagonal":
            return np.arange(self.dimension), np.arange(self.dimension)
        if self.kind == "triangular":
            return np.tril_indices(self.dimension)
        rows, columns = np.indices((self.dimension, self.dimension))
        return rows.ravel(), columns.ravel()

    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        location, matrix = self.blocks
        rows, columns = self._rows_and_columns()
        return {location: np.zeros(self.dimension), matrix: (rows == columns).astype(float)}
