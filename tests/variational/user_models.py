"""Likelihoods as a user would write them, with the same terms in mpmath."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp
from scipy import special

from ingd_ref.variational import GeneralisedLinearModel, LogisticRegression
from ingd_ref.variational._terms import Terms


@dataclass(frozen=True, eq=False)
class UserModel(GeneralisedLinearModel):
    """A likelihood of one predictor for each datum."""

    design: Any
    response: Any
    prior_precision: Any = 1.0
    prior_mean: Any = 0.0

    def __post_init__(self):
        self._prepare()


class Probit(UserModel):
    """log Φ(±t), by a continued fraction of the inverse Mills ratio where it cancels."""

    def terms(self, predictors):
        sign = 2.0 * self.response[..., None] - 1.0
        t = sign * predictors
        x = np.maximum(-t, 4.0)
        excess = np.zeros_like(x)
        for k in range(120, 0, -1):  # λ(x) − x = 1/(x + 2/(x + 3/(x + …)))
            excess = k / (x + excess)
        near = np.exp(-0.5 * t * t - special.log_ndtr(t)) / np.sqrt(2.0 * np.pi)
        ratio = np.where(t < -4.0, x + excess, near)
        bend = ratio * np.where(t < -4.0, excess, ratio + t)
        return Terms(special.log_ndtr(t), sign * ratio, bend)


class UserPoisson(UserModel):
    """y t − e^t, whose e^t overflows beyond t = 709."""

    def terms(self, predictors):
        rate = np.exp(predictors)
        response = self.response[..., None]
        return Terms(response * predictors - rate, response - rate, rate)


class StudentT(UserModel):
    """−(ν+1)/2 log(1 + r²/ν), r = t − y, with ν = 4."""

    def terms(self, predictors):
        r = predictors - self.response[..., None]
        pull = 5.0 / (4.0 + r * r)
        return Terms(
            -2.5 * np.log1p(0.25 * r * r), -r * pull, pull * (2.0 - r) * (2.0 + r) / (4.0 + r * r)
        )


class Hinge(UserModel):
    """−max(0, 1 − t): the curvature of the kink is left out."""

    def terms(self, predictors):
        inside = predictors < 1.0
        slope = np.where(inside, 1.0, 0.0)
        return Terms(np.where(inside, predictors - 1.0, 0.0), slope, np.zeros_like(predictors))


class Huber(UserModel):
    """−½r² for |r| < 1, else ½ − |r|: the curvature jumps."""

    def terms(self, predictors):
        r = predictors - self.response[..., None]
        inside = np.abs(r) < 1.0
        value = np.where(inside, -0.5 * r * r, 0.5 - np.abs(r))
        return Terms(value, -np.clip(r, -1.0, 1.0), np.where(inside, 1.0, 0.0))


class Mixture(UserModel):
    """log(¼ + N(t; y, 1e-3²)): a spike, constant elsewhere."""

    def terms(self, predictors):
        r = (predictors - self.response[..., None]) / 1e-3
        part = np.exp(-0.5 * r * r) * 1e3 / np.sqrt(2.0 * np.pi)
        share = part / (0.25 + part)
        slope = -share * r * 1e3
        return Terms(
            np.log(0.25 + part), slope, share * 1e6 - share * (1.0 - share) * (r * 1e3) ** 2
        )


# The same terms of (t, y) in mpmath, and where they bend or change sign for a given y.


def logistic(t, y):
    """y t − log(1 + e^t)."""
    chance, failure = 1 / (1 + mp.exp(-t)), 1 / (1 + mp.exp(t))
    loss = mp.log1p(mp.exp(-abs(t)))
    value = -y * (loss + max(-t, 0)) - (1 - y) * (loss + max(t, 0))
    return value, y * failure - (1 - y) * chance, chance * failure


def probit(t, y):
    """log Φ(±t)."""
    sign = 2 * y - 1
    t = sign * t
    tail = mp.erfc(-t / mp.sqrt(2)) / 2
    ratio = mp.npdf(t) / tail
    value = mp.log1p(-mp.erfc(t / mp.sqrt(2)) / 2) if t > 0 else mp.log(tail)
    # Fifty digits do not survive the square of t.
    bend = ratio * (ratio + t) if t > -1e6 else 1 - 1 / t**2 + 6 / t**4
    return value, sign * ratio, bend


def poisson(t, y):
    """y t − e^t."""
    rate = mp.exp(t)
    return y * t - rate, y - rate, rate


def student(t, y):
    """−(ν+1)/2 log(1 + r²/ν)."""
    r = t - y
    return -mp.log1p(r * r / 4) * 5 / 2, -5 * r / (4 + r * r), 5 * (4 - r * r) / (4 + r * r) ** 2


def hinge(t, y):
    """−max(0, 1 − t)."""
    return min(t - 1, mp.zero), mp.mpf(t < 1), mp.zero


def huber(t, y):
    """−½r² or ½ − |r|."""
    r = t - y
    if abs(r) < 1:
        return -r * r / 2, -r, mp.one
    return mp.mpf(0.5) - abs(r), -mp.sign(r), mp.zero


def mixture(t, y):
    """log(¼ + N(t; y, 1e-3²))."""
    r = (t - y) / mp.mpf(1e-3)
    scale = 1 / mp.mpf(1e-3)
    part = mp.exp(-r * r / 2) * 1000 / mp.sqrt(2 * mp.pi)
    share = part / (mp.mpf(0.25) + part)
    bend = share * scale**2 - share * (1 - share) * (r * scale) ** 2
    return mp.log(mp.mpf(0.25) + part), -share * r * scale, bend


# Name: class, terms, response, places where panels of the oracle end, and the scale of the bend.
MODELS = {
    "logistic, y = 0": (LogisticRegression, logistic, 0.0, (0.0,), 1.0),
    "logistic, y = 1": (LogisticRegression, logistic, 1.0, (0.0,), 1.0),
    "logistic, y = 0.3": (LogisticRegression, logistic, 0.3, (np.log(3 / 7), 0.0), 1.0),
    "probit": (Probit, probit, 1.0, (0.0,), 1.0),
    "Poisson": (UserPoisson, poisson, 2.0, (np.log(2.0),), 1.0),
    "Student t": (StudentT, student, 3.0, (1.0, 3.0, 5.0), 1.0),
    "hinge": (Hinge, hinge, 0.0, (1.0,), 1.0),
    "Huber": (Huber, huber, 0.5, (-0.5, 0.5, 1.5), 1.0),
    "mixture with a spike": (Mixture, mixture, 0.7, (0.7,), 1e-3),
}
