"""Chart maps of large batches of Gamma and Beta distributions, against SciPy and efax."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from ingd_ref._bench._comparison import Comparison
from ingd_ref.backend._namespace import Array, to_backend, to_host
from ingd_ref.families import Beta, Gamma

__all__ = ["comparisons"]

COUNT = 1_000_000
JUDGED = 200  # random members whose results are compared with DIGITS digits
DIGITS = 40
SWEEPS = 6
DECADES = (-2.0, 3.0)  # parameters are log-uniform over these
Functions = Mapping[str, Callable[[], Any]]


def comparisons(backend: str) -> Iterator[Comparison]:
    """Compare batches with log-uniform parameters in [0.01, 1000].

    Errors are relative to the exact results for the numbers that a function receives. JAX, on which
    efax runs, chooses its own number of threads.
    """
    rng = np.random.default_rng(20250207)
    like = import_module(backend).zeros(0)
    shown = f"{COUNT:.0e}".replace("e+0", "e")
    for family in (Gamma(), Beta()):
        names = [parameter.name for parameter in family.parameters]
        host = family.natural(**{name: 10.0 ** rng.uniform(*DECADES, COUNT) for name in names})
        theta = to_backend(host, like)
        mu = family.mean(theta)
        judged = rng.integers(0, COUNT, JUDGED)
        peers = _peers(family.name, backend, theta, mu)
        cases: dict[
            str, tuple[Callable[[Any], Array], Array, Callable[[np.ndarray, np.ndarray], list[Any]]]
        ] = {
            "mean → natural": (family.natural_from_mean, mu, EXACT[family.name]["mean → natural"]),
            "natural → mean": (family.mean, theta, EXACT[family.name]["natural → mean"]),
            "Fisher": (family.fisher, theta, EXACT[family.name]["Fisher"]),
        }
        for case, (function, argument, exact) in cases.items():
            error = _judge(exact, host[judged], to_host(argument)[judged], judged)
            yield Comparison(
                f"{family.name} {case}, {shown}",
                lambda function=function, argument=argument: function(argument),  # type: ignore[misc]
                peers[case],
                error if find_spec("mpmath") is not None else None,
            )


def _judge(
    exact: Callable[[np.ndarray, np.ndarray], list[Any]],
    theta: np.ndarray,
    argument: np.ndarray,
    judged: np.ndarray,
) -> Callable[[Any], float]:
    """Return a function that finds the largest relative error of an entry, at most 1."""
    truth: list[list[Any]] = []

    def error(found: Any) -> float:
        with import_module("mpmath").workdps(DIGITS):
            if not truth:
                truth.extend(exact(t, m) for t, m in zip(theta, argument, strict=True))
            entries = np.reshape(
                to_host(found() if callable(found) else found)[judged], (len(judged), -1)
            )
            pairs = [
                (float(v), t)
                for row, right in zip(entries, truth, strict=True)
                for v, t in zip(row, right, strict=True)
            ]
            return max(
                min(1.0, float(abs(v - t) / abs(t))) if math.isfinite(v) else 1.0 for v, t in pairs
            )

    return error


# --- 40 digits ------------------------------------------------------------------------------------


def _exact_gamma_inverse(theta: np.ndarray, mu: np.ndarray) -> list[Any]:
    mp = import_module("mpmath")
    gap = mp.log(mp.mpf(float(mu[1]))) - mp.mpf(float(mu[0]))
    shape = mp.findroot(lambda a: mp.log(a) - mp.psi(0, a) - gap, mp.mpf(float(theta[0])))
    return [shape, -shape / mp.mpf(float(mu[1]))]


def _exact_beta_inverse(theta: np.ndarray, mu: np.ndarray) -> list[Any]:
    mp = import_module("mpmath")
    targets = [mp.mpf(float(m)) for m in mu]

    def residual(*alpha: Any) -> list[Any]:
        return [
            mp.psi(0, a) - mp.psi(0, sum(alpha)) - m for a, m in zip(alpha, targets, strict=True)
        ]

    def jacobian(*alpha: Any) -> Any:
        common = mp.psi(1, sum(alpha))
        return mp.matrix(
            [
                [(mp.psi(1, a) if i == j else 0) - common for j in range(2)]
                for i, a in enumerate(alpha)
            ]
        )

    return list(mp.findroot(residual, [mp.mpf(float(t)) for t in theta], J=jacobian))


def _exact_gamma_mean(theta: np.ndarray, _: np.ndarray) -> list[Any]:
    mp = import_module("mpmath")
    shape, rate = mp.mpf(float(theta[0])), -mp.mpf(float(theta[1]))
    return [mp.psi(0, shape) - mp.log(rate), shape / rate]


def _exact_beta_mean(theta: np.ndarray, _: np.ndarray) -> list[Any]:
    mp = import_module("mpmath")
    alpha = [mp.mpf(float(t)) for t in theta]
    return [mp.psi(0, a) - mp.psi(0, sum(alpha)) for a in alpha]


def _exact_gamma_fisher(theta: np.ndarray, _: np.ndarray) -> list[Any]:
    mp = import_module("mpmath")
    shape, rate = mp.mpf(float(theta[0])), -mp.mpf(float(theta[1]))
    return [mp.psi(1, shape), 1 / rate, 1 / rate, shape / rate**2]


def _exact_beta_fisher(theta: np.ndarray, _: np.ndarray) -> list[Any]:
    mp = import_module("mpmath")
    alpha = [mp.mpf(float(t)) for t in theta]
    common = mp.psi(1, sum(alpha))
    return [mp.psi(1, alpha[0]) - common, -common, -common, mp.psi(1, alpha[1]) - common]


EXACT: dict[str, dict[str, Callable[[np.ndarray, np.ndarray], list[Any]]]] = {
    "Gamma": {
        "mean → natural": _exact_gamma_inverse,
        "natural → mean": _exact_gamma_mean,
        "Fisher": _exact_gamma_fisher,
    },
    "Beta": {
        "mean → natural": _exact_beta_inverse,
        "natural → mean": _exact_beta_mean,
        "Fisher": _exact_beta_fisher,
    },
}


# --- alternatives ---------------------------------------------------------------------------------


def _peers(family: str, backend: str, theta: Array, mu: Array) -> Mapping[str, Functions]:
    """Return the alternatives by case and name."""
    direct = {"Gamma": _scipy_gamma, "Beta": _scipy_beta}[family](backend, theta, mu)
    efax = (
        _efax(family, to_host(theta), to_host(mu))
        if backend == "numpy" and _efax_is_there()
        else {}
    )
    return {
        case: {**functions, **({"efax": efax[case]} if case in efax else {})}
        for case, functions in direct.items()
    }


def _special(backend: str) -> Any:
    return import_module("scipy.special" if backend == "numpy" else "cupyx.scipy.special")


def _scipy_gamma(backend: str, theta: Array, mu: Array) -> Mapping[str, Functions]:
    """Textbook formulas, with SciPy's special functions."""
    xp, sc = import_module(backend), _special(backend)

    def inverse() -> Array:
        gap = xp.log(mu[:, 1]) - mu[:, 0]
        a = (3.0 - gap + xp.sqrt((gap - 3.0) ** 2 + 24.0 * gap)) / (12.0 * gap)
        for _ in range(SWEEPS):
            a = a - (xp.log(a) - sc.digamma(a) - gap) / (1.0 / a - sc.polygamma(1, a))
        return xp.stack([a, -a / mu[:, 1]], axis=-1)

    def mean() -> Array:
        return xp.stack(
            [sc.digamma(theta[:, 0]) - xp.log(-theta[:, 1]), -theta[:, 0] / theta[:, 1]], axis=-1
        )

    def fisher() -> Array:
        first, mixed, last = (
            sc.polygamma(1, theta[:, 0]),
            -1.0 / theta[:, 1],
            theta[:, 0] / theta[:, 1] ** 2,
        )
        return xp.stack(
            [xp.stack([first, mixed], axis=-1), xp.stack([mixed, last], axis=-1)], axis=-2
        )

    return {
        "mean → natural": {"SciPy Newton": inverse},
        "natural → mean": {"SciPy": mean},
        "Fisher": {"SciPy": fisher},
    }


def _scipy_beta(backend: str, theta: Array, mu: Array) -> Mapping[str, Functions]:
    """Textbook formulas; a Newton step that would leave the domain is halved instead."""
    xp, sc = import_module(backend), _special(backend)

    def inverse() -> Array:
        powers = xp.exp(mu)
        alpha = 0.5 + 0.5 * powers / (1.0 - xp.sum(powers, axis=-1, keepdims=True))
        for _ in range(SWEEPS):
            total = xp.sum(alpha, axis=-1, keepdims=True)
            residual = mu - sc.digamma(alpha) + sc.digamma(total)
            weights, common = 1.0 / sc.polygamma(1, alpha), sc.polygamma(1, total)
            shift = (
                common
                * xp.sum(weights * residual, axis=-1, keepdims=True)
                / (1.0 - common * xp.sum(weights, axis=-1, keepdims=True))
            )
            following = alpha + weights * (residual + shift)
            alpha = xp.where(following > 0.0, following, 0.5 * alpha)
        return alpha

    def mean() -> Array:
        return sc.digamma(theta) - sc.digamma(xp.sum(theta, axis=-1, keepdims=True))

    def fisher() -> Array:
        own, common = sc.polygamma(1, theta), sc.polygamma(1, xp.sum(theta, axis=-1))
        rows = [
            xp.stack([own[:, 0] - common, -common], axis=-1),
            xp.stack([-common, own[:, 1] - common], axis=-1),
        ]
        return xp.stack(rows, axis=-2)

    return {
        "mean → natural": {"SciPy Newton": inverse},
        "natural → mean": {"SciPy": mean},
        "Fisher": {"SciPy": fisher},
    }


def _efax_is_there() -> bool:
    return find_spec("efax") is not None and find_spec("jax") is not None


class _Compiled:
    """A function compiled by JAX in float64, with its arguments on the device.

    A call waits for the result and returns a function that copies it to the host, which is not
    timed.
    """

    def __init__(self, function: Callable[..., Any], *arguments: np.ndarray) -> None:
        jax = import_module("jax")
        with jax.enable_x64(True):
            self._function = jax.jit(function)
            self._arguments = [jax.numpy.asarray(argument) for argument in arguments]

    def __call__(self) -> Callable[[], np.ndarray]:
        jax = import_module("jax")
        with jax.enable_x64(True):
            value = jax.block_until_ready(self._function(*self._arguments))
        return lambda: (
            np.stack([np.asarray(part) for part in value], axis=-1)
            if isinstance(value, tuple)
            else np.asarray(value)
        )


def _efax(family: str, theta: np.ndarray, mu: np.ndarray) -> Functions:
    """Return efax's maps, in our order of parameters; its Fisher matrices are Hessians."""
    jax, efax = import_module("jax"), import_module("efax")

    def hessian(potential: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return jax.vmap(jax.jacfwd(jax.grad(potential)))  # type: ignore[no-any-return]

    if family == "Gamma":

        def inverse(mean: Any, mean_log: Any) -> Any:
            found = efax.GammaEP(mean, mean_log).to_nat()
            return found.shape_minus_one + 1.0, found.negative_rate

        def mean(shape: Any, negative_rate: Any) -> Any:
            found = efax.GammaNP(negative_rate, shape - 1.0).to_exp()
            return found.mean_log, found.mean

        return {
            "mean → natural": _Compiled(inverse, mu[:, 1], mu[:, 0]),
            "natural → mean": _Compiled(mean, theta[:, 0], theta[:, 1]),
            "Fisher": _Compiled(
                hessian(lambda t: efax.GammaNP(t[1], t[0] - 1.0).log_normalizer()), theta
            ),
        }
    return {
        "mean → natural": _Compiled(lambda m: efax.BetaEP(m).to_nat().alpha_minus_one + 1.0, mu),
        "natural → mean": _Compiled(
            lambda t: efax.BetaNP(t - 1.0).to_exp().mean_log_probability, theta
        ),
        "Fisher": _Compiled(hessian(lambda t: efax.BetaNP(t - 1.0).log_normalizer()), theta),
    }
