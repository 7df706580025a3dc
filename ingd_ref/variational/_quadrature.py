"""Expectations of functions of Gaussian predictors: adaptive, or by a rule of given nodes."""

from __future__ import annotations

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace, array_namespace, item, to_backend, to_host
from ingd_ref.variational._adaptive import adaptive_integrals
from ingd_ref.variational._linear_algebra import matvec
from ingd_ref.variational._nested import nested_integrals
from ingd_ref.variational._overflow import require_no_overflow
from ingd_ref.variational._quadrature_rules import normal_rule
from ingd_ref.variational._terms import Estimated, Integrals, Method, Predictors, target

__all__ = ["adaptive", "fixed"]


def adaptive(given: Predictors) -> Estimated:
    """Return expectations to the target error, by nested rules and where they fail by panels."""
    found = _adaptive(given)
    return Estimated(found.mean, lambda: found)


def _adaptive(given: Predictors) -> Integrals:
    xp = array_namespace(mean=given.mean)
    # Terms may overflow far out; what is not finite is judged by its weight.
    with np.errstate(all="ignore"):
        require_no_overflow(given)
        found, right = nested_integrals(given)
        if item(xp.all(right)):
            return found
        return _completed(xp, given, found, right)


def _completed(xp: Namespace, given: Predictors, found: Integrals, right: Array) -> Integrals:
    """Return expectations with those that are not right computed by adaptive panels."""
    shape = tuple(given.mean.shape)
    mean, deviation = (_flat(part) for part in (given.mean, given.deviation))
    knots = to_host(xp.broadcast_to(given.knots, (*shape, given.knots.shape[-1])))
    knots = np.asarray(knots, dtype=np.float64).reshape(mean.size, -1)

    def evaluate(t: np.ndarray) -> np.ndarray:
        terms = given.terms(to_backend(t.reshape(*shape, -1), like=given.mean))
        full = [np.asarray(to_host(term), dtype=np.float64) for term in terms]
        return np.stack(full).reshape(3, *t.shape)

    chosen = ~to_host(right).reshape(-1)
    aim, dtype = target(xp, given.mean.dtype), to_host(given.mean).dtype
    parts = adaptive_integrals(evaluate, mean, deviation, knots, chosen, aim, dtype)
    moved = (to_backend(part.T.reshape(*shape, 3), like=given.mean) for part in parts)
    pairs = zip(found, moved, strict=True)
    return Integrals(*(xp.where(right[..., None], quick, slow) for quick, slow in pairs))


def _flat(values: Array) -> np.ndarray:
    """Return an array as a vector of float64 on the host."""
    return np.asarray(to_host(values), dtype=np.float64).reshape(-1)


def fixed(number: int, rule: str) -> Method:
    """Return the method of one rule with so many nodes for each datum."""
    return lambda given: _by_rule(given, *normal_rule(number, rule))


def _by_rule(given: Predictors, nodes: np.ndarray, weights: np.ndarray) -> Estimated:
    """Return expectations by one rule, which the adaptive ones judge."""
    xp = array_namespace(mean=given.mean)
    places, column = (to_backend(one, like=given.mean) for one in (nodes, weights))
    with np.errstate(all="ignore"):
        terms = given.terms(given.mean[..., None] + given.deviation[..., None] * places)
        mean = xp.stack([matvec(xp, term, column) for term in terms], axis=-1)

    def judged() -> Integrals:
        right = _adaptive(given)
        # What a sum of rounded terms is off by is in the difference as well.
        return Integrals(mean, xp.abs(mean - right.mean) + right.error, right.rounding)

    return Estimated(mean, judged)
