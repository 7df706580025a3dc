"""A PyTorch module as a generator."""

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

__all__ = ["TorchGenerator", "from_torch"]


@dataclass(frozen=True, eq=False)
class TorchGenerator(Generator):
    """The generator x = module(z) of :func:`from_torch`.

    Its parameters w are those of the module.

    Attributes
    ----------
    module : torch.nn.Module
        The module, whose own parameters and buffers are read and never changed.
    blocks : dict
        Names and shapes of its parameters.
    """

    module: Any
    latent_dimension: int
    dimension: int
    shapes: dict[str, tuple[int, ...]] = field(repr=False)

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """The module's parameters."""
        return dict(self.shapes)

    def latents(self, number: int, rng: RandomSource, like: Array | None = None) -> Array:
        """Draw standard normal latent points (n, k), by default like the module's parameters."""
        return super().latents(number, rng, self._example() if like is None else like)

    def initial(self, rng: RandomSource = None, like: Array | None = None) -> Array:
        """Return the current parameters (p,) of the module, by default as a tensor."""
        return super().initial(rng, self._example() if like is None else like)

    def _value(self, xp: Namespace, w: Array, z: Array) -> Array:
        return self._function(xp, w, z)(w.detach()).detach()

    def _linearise(self, xp: Namespace, w: Array, z: Array) -> Linearisation:
        func, function, w = import_module("torch").func, self._function(xp, w, z), w.detach()
        value, back = func.vjp(function, w)

        def push(tangents: Array) -> Array:
            return func.vmap(lambda tangent: func.jvp(function, (w,), (tangent,))[1])(
                tangents
            ).detach()

        def pull(cotangents: Array) -> Array:
            return func.vmap(lambda cotangent: back(cotangent)[0])(cotangents).detach()

        return Linearisation(value.detach(), push, pull)

    def _function(self, xp: Namespace, w: Array, z: Array) -> Callable[[Array], Array]:
        """Return the map of the flat parameters to samples; buffers are copied in the type of w."""
        if backend_name(w) != "torch":
            raise BackendError(
                f"a PyTorch module takes tensors, got {backend_name(w)} arrays; "
                "draw latents and initial without like="
            )
        call, latents = import_module("torch").func.functional_call, z.detach()
        buffers = {
            name: buffer.to(w.dtype) if buffer.is_floating_point() else buffer
            for name, buffer in self.module.named_buffers()
        }

        def function(flat: Array) -> Array:
            fresh = {name: buffer.clone() for name, buffer in buffers.items()}
            return call(self.module, {**fresh, **self._parts(xp, flat)}, (latents,))

        return function

    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {name: to_host(parameter) for name, parameter in self.module.named_parameters()}

    def _example(self) -> Array:
        return next(iter(self.module.parameters())).detach()


def from_torch(module: Any, latent_dimension: int, dimension: int | None = None) -> TorchGenerator:
    """Return a PyTorch module as a generator, with exact Jacobian products.

    Parameters
    ----------
    module : torch.nn.Module
        Maps latent points (n, k) to samples (n, d), each row independently, and the same each time:
        put dropout and batch normalisation in evaluation mode.
    latent_dimension : int
        Number k of coordinates of a latent point.
    dimension : int, optional
        Number d of coordinates of a sample. Default: that of one call of the module with zeros.

    Returns
    -------
    Generator
        Its parameters and latent points are tensors, on the device of the module.

    Raises
    ------
    DomainError
        If a dimension is not an integer of at least 1.
    OptionError
        If the module has no parameters.

    Examples
    --------
    A module ``torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.Tanh(), torch.nn.Linear(32,
    2))`` that takes two numbers: ``generator = from_torch(module, 2)``, ``w =
    generator.initial()``, ``x = generator(w, generator.latents(100, rng))``.
    """
    width = _checks.positive_integer(latent_dimension, "latent_dimension")
    shapes = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    if not shapes:
        raise OptionError("the module has no parameters")
    if dimension is None:
        torch, example = import_module("torch"), next(iter(module.parameters()))
        zeros = torch.zeros((1, width), dtype=example.dtype, device=example.device)
        with torch.no_grad():
            dimension = int(module(zeros).shape[-1])
    return TorchGenerator(module, width, _checks.positive_integer(dimension, "dimension"), shapes)
