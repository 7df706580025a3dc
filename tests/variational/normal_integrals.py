"""Expectations of terms under N(m, s²) at fifty digits, split where the terms bend."""

from functools import lru_cache
from itertools import pairwise

from mpmath import mp, mpf

DIGITS = 50
# Beyond, the density is below 1e-330, and no term here grows faster than t².
REACH = 39


@lru_cache(maxsize=8)
def rule(number):
    """Gauss–Legendre nodes and weights on [−1, 1]."""
    with mp.workdps(DIGITS + 10):
        nodes = []
        for k in range(number):
            x = mp.cos(mp.pi * (k + mpf(3) / 4) / (number + mpf(1) / 2))
            for _ in range(8):
                p, q = mp.legendre(number, x), mp.legendre(number - 1, x)
                slope = number * (q - x * p) / (1 - x * x)
                x -= p / slope
            p, q = mp.legendre(number, x), mp.legendre(number - 1, x)
            slope = number * (q - x * p) / (1 - x * x)
            nodes.append((x, 2 / ((1 - x * x) * slope**2)))
        return nodes


def edges(m, s, places, scale):
    """Ends of panels: multiples of s/2 around m, and panels that double in length around places."""
    found = {m + s * k / 2 for k in range(-2 * REACH, 2 * REACH + 1)}
    for place in places:
        found.add(place)
        step = mpf(scale) / 2
        while step < REACH * s:
            found.update({place - step, place + step})
            step += mpf(scale) / 2 if step < 4 * scale else step / 2
    return sorted(t for t in found if abs(t - m) <= REACH * s)


def expectations(terms, m, s, y, places, scale=1.0, number=18):
    """E of the three terms and of their sizes, as mpmath numbers."""
    with mp.workdps(DIGITS):
        m, s, y = mpf(m), mpf(s), mpf(y)
        ends = edges(m, s, [mpf(p) for p in places], scale)
        sums, sizes = [mpf(0)] * 3, [mpf(0)] * 3
        for lower, upper in pairwise(ends):
            middle, half = (lower + upper) / 2, (upper - lower) / 2
            parts = [mpf(0)] * 3
            for x, w in rule(number):
                t = middle + half * x
                density = w * half * mp.exp(-(((t - m) / s) ** 2) / 2)
                parts = [a + density * b for a, b in zip(parts, terms(t, y), strict=True)]
            sums = [a + b for a, b in zip(sums, parts, strict=True)]
            sizes = [a + abs(b) for a, b in zip(sizes, parts, strict=True)]
        norm = s * mp.sqrt(2 * mp.pi)
        return [a / norm for a in sums], [a / norm for a in sizes]
