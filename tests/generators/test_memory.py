"""Memory that products of a perceptron with 18 000 parameters need."""

import tracemalloc

import numpy as np

from ingd_ref.generators import MultilayerPerceptron

MIB = 2**20


def test_products_of_many_cotangents_hold_no_jacobian():
    generator, rng = MultilayerPerceptron((5, 128, 128, 5)), np.random.default_rng(0)
    w, z, c = generator.initial(rng), generator.latents(500, rng), rng.normal(size=(200, 500, 5))
    found, peaks = {}, {}
    for name in ("gram", "vjp"):
        tracemalloc.start()
        found[name] = getattr(generator, name)(w, z, c)
        peaks[name] = tracemalloc.get_traced_memory()[1] - found[name].nbytes
        tracemalloc.stop()
    # J would hold 500 · 5 · 17925 numbers, 342 MiB, and (200, 500, 128) of them 98 MiB; 24 MiB of
    # rows are to be held, and some tiles
    assert peaks["gram"] < 38 * MIB
    # all rows of B once more (27 MiB), while they are put together
    assert peaks["vjp"] < 38 * MIB
    gram = found["vjp"] @ found["vjp"].T
    # inner products of rows of 17925 numbers: √n roundings of their size, with a factor of ten
    assert (
        np.abs(found["gram"] - gram).max()
        <= 10 * np.sqrt(17925) * np.finfo(float).eps * np.abs(gram).max()
    )
