"""A function written for JAX as a generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, Namespace, backend_name, to_host
from ingd_ref.errors import BackendError, OptionError
from ingd_ref.generators._base import Generator, Linearisation

__all__ = ["JaxGenerator", "from_jax"]


@dataclass(frozen=True, eq=False)
class JaxGenerator(Generator):
    """The generator x = function(w, z) of :func:`from_jax`.

    Attributes
    ----------
    function : callable
        The function of a tree of parameters and of latent points.
    blocks : dict
        Places of the leaves in the tree, as JAX names them, with their shapes.
    """

    function: Callable[[Any, Any], Any]
    latent_dimension: int
    dimension: int
    start: Any = field(repr=False)
    unravel: Callable[[Any], Any] = field(repr=False)
    shapes: dict[str, tuple[int, ...]] = field(repr=False)

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """The leaves of the tree of parameters."""
        return dict(self.shapes)

    def latents(self, number: int, rng: RandomSource, like: Array | None = None) -> Array:
        """Draw standard normal latent points (n, k), by default like the first parameters."""
        return super().latents(number, rng, self.start if like is None else like)

    def initial(self, rng: RandomSource = None, like: Array | None = None) -> Array:
        """Return the parameters (p,) given to :func:`from_jax`, by default as a JAX array."""
        return super().initial(rng, self.start if like is None else like)

    def _value(self, xp: Namespace, w: Array, z: Array) -> Array:
        return self._applied(w, z)(w)

    def _linearise(self, xp: Namespace, w: Array, z: Array) -> Linearisation:
        jax, function = import_module("jax"), self._applied(w, z)
        value, back = jax.vjp(function, w)

        def push(tangents: Array) -> Array:
            return jax.vmap(lambda tangent: jax.jvp(function, (w,), (tangent,))[1])(tangents)

        def pull(cotangents: Array) -> Array:
            return jax.vmap(lambda cotangent: back(cotangent)[0])(cotangents)

        return Linearisation(value, push, pull)

    def _applied(self, w: Array, z: Array) -> Callable[[Array], Array]:
        """Return the map of the flat parameters to samples."""
        if not backend_name(w).startswith("jax"):
            raise BackendError(
                f"a function for JAX takes its arrays, got {backend_name(w)} arrays; "
                "draw latents and initial without like="
            )
        return lambda flat: self.function(self.unravel(flat), z)

    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        flat = to_host(self.start)
        return {name: flat[place] for name, place in self._places()}


def from_jax(
    function: Callable[[Any, Any], Any],
    parameters: Any,
    latent_dimension: int,
    dimension: int | None = None,
) -> JaxGenerator:
    """Return a JAX function as a generator, with exact Jacobian products.

    Parameters
    ----------
    function : callable
        Maps a tree of parameters and latent points (n, k) to samples (n, d), row by row.
    parameters : tree of JAX arrays
        Parameters to start from: an array, or lists, tuples and dicts of them.
    latent_dimension : int
        Number k of coordinates of a latent point.
    dimension : int, optional
        Number d of coordinates of a sample. Default: that of one call of the function with zeros.

    Returns
    -------
    Generator
        Its parameters are flat JAX arrays (p,), its latent points JAX arrays.

    Raises
    ------
    DomainError
        If a dimension is not an integer of at least 1.
    OptionError
        If the tree has no parameters.

    Examples
    --------
    With ``parameters = {"location": jax.numpy.zeros(2), "scale": jax.numpy.ones(())}``:
    ``generator = from_jax(lambda w, z: w["location"] + w["scale"] * z, parameters, 2)``.
    """
    jax = import_module("jax")
    width = _checks.positive_integer(latent_dimension, "latent_dimension")
    start, unravel = import_module("jax.flatten_util").ravel_pytree(parameters)
    if start.shape[0] == 0:
        raise OptionError("there are no parameters in the tree")
    leaves = jax.tree_util.tree_flatten_with_path(parameters)[0]
    shapes = {
        jax.tree_util.keystr(path) or "parameters": tuple(leaf.shape) for path, leaf in leaves
    }
    if dimension is None:
        zeros = jax.numpy.zeros((1, width), dtype=start.dtype)
        dimension = int(function(parameters, zeros).shape[-1])
    return JaxGenerator(
        function, width, _checks.positive_integer(dimension, "dimension"), start, unravel, shapes
    )
