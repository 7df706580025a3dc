"""Hostile arguments: every call ends in a finite result or in an error of the package."""

import collections
import inspect
import os
import warnings
from copy import deepcopy

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.errors import IngdError
from tests.fuzz import examples, hostile

TARGETS, MISSING = examples.targets()
CALLED = [target for target in TARGETS if target.arguments]


def of_family(target):
    """Whether the target is an operation of a family."""
    return target.name.startswith("families.") and target.name.count(".") == 2


FAMILIES = list(filter(of_family, CALLED))
OTHERS = [target for target in CALLED if not of_family(target)]
# Families share their operations, and with them the checks of arguments.
ONCE = OTHERS + [target for target in FAMILIES if target.name.startswith("families.Gamma.")]

#: What raises with valid arguments, because the mathematics has no such thing.
NOT_THERE = {
    "no closed form of the Fisher-Rao distance",
    "lives on a discrete set",
    "scipy.stats has no counterpart",
    "NeuralTangent has no bandwidth",
}
#: Where NaN and infinities are no fault.
NOT_FINITE = {
    "backend.to_host": "moves numbers as they are",
    "backend.to_backend": "moves numbers as they are",
    "variational.Expected": "holds expectations; a step raises if they are not finite",
}
#: Other names that errors use for an argument.
ALSO_NAMED = {
    "with_error": "theta mu",
    "explain": "arrays",
    "run_elbo_flow": "xi",
    "run_evidence_flow": "xi",
    "in_units": "bandwidth",
    "cardinalities": "number of values",
    "model": "method",
}


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    """Run where words may become files."""
    monkeypatch.chdir(tmp_path)
    examples.RESULT.save("result.npz")


def copied(arguments):
    return {k: deepcopy(v) if isinstance(v, np.ndarray) else v for k, v in arguments.items()}


def test_everything_public_has_an_example():
    assert MISSING == []
    called = {target.name for target in TARGETS}
    assert set(examples.CALLS) <= called
    modules = {examples.short(module) for module in examples.modules()}
    assert set(examples.LEFT_OUT) <= modules | {"cli"}


def test_the_examples_are_valid():
    for target in ONCE:
        found = hostile.outcome(target.call, copied(target.arguments))
        known = any(reason in found.detail for reason in NOT_THERE)
        assert found.kind == "result" or (found.kind == "rejected" and known), (target, found)


def fuzz(number, seed):
    """Replace one or two arguments in so many calls; return the counts and what went wrong."""
    rng = np.random.default_rng(seed)
    counts, faults = collections.Counter(), []
    for _ in range(number):
        # Operations of families are two thirds of all, but share their checks.
        pool = OTHERS if rng.random() < 0.6 else FAMILIES
        target = pool[rng.integers(len(pool))]
        names, arguments = list(target.arguments), copied(target.arguments)
        many = min(len(names), 1 + int(rng.random() < 0.25))
        changed = {}
        for k in rng.choice(len(names), size=many, replace=False):
            name = names[k]
            called = callable(arguments[name]) or name in hostile.CALLABLE
            arguments[name] = changed[name] = hostile.mutated(arguments[name], rng, called)
        found = hostile.outcome(target.call, arguments)
        counts[found.kind] += 1
        if found.kind in ("not finite", "infinite") and target.name in NOT_FINITE:
            continue
        if found.kind == "infinite" and of_family(target):
            continue  # the answer is beyond the range of floating-point numbers
        if found.kind in ("not finite", "warning") and target.name.startswith(
            "families.ExponentialTilt."
        ):
            continue  # the formulas of the user overflow
        if found.kind not in ("result", "rejected"):
            faults.append((target.name, found, changed))
    return counts, faults


@pytest.mark.parametrize("seed", range(4))
def test_hostile_arguments_end_in_errors_of_the_package(seed):
    counts, faults = fuzz(1000, seed)
    assert not faults, (counts, faults[:5])
    assert min(counts["result"], counts["rejected"]) > 200


@pytest.mark.long
def test_a_hundred_thousand_hostile_calls():
    number, seed = (
        int(os.environ.get("FUZZ_CALLS", "120000")),
        int(os.environ.get("FUZZ_SEED", "0")),
    )
    counts, faults = fuzz(number, 1000 + seed)
    print(dict(counts), f"faults: {len(faults)}")
    assert not faults, (counts, faults[:20])


def test_a_wrong_object_is_rejected_by_the_name_of_its_argument():
    unnamed = []
    for target in ONCE:
        for name in target.arguments:
            if (target.call.__qualname__, name) in UNUSED:
                continue
            arguments = {**copied(target.arguments), name: Wrong()}
            found = hostile.outcome(target.call, arguments)
            also = ALSO_NAMED.get(target.name.split(".")[-1], "") + ALSO_NAMED.get(name, "")
            known = [name, *also.split(), *NOT_THERE]
            if found.kind != "rejected" or not any(word in found.detail for word in known):
                unnamed.append((target.name, name, found))
    assert not unnamed, unnamed[:10]


class Wrong:
    """No number, no array, no function and no word."""


# --- array-likes ----------------------------------------------------------------------------------


class Column:
    """What pandas and polars give: an object that NumPy can convert."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


#: Forms of an array that lose nothing.
SAME = {
    "list": lambda x: x.tolist(),
    "column": Column,
    "foreign bytes": lambda x: x.astype(">f8"),
    "no masked entry": lambda x: np.ma.masked_array(x, mask=np.zeros(x.shape, bool)),
    "columns first": np.asfortranarray,
    "long double": lambda x: x.astype(np.longdouble),
}
#: Forms that no function takes.
OTHER = {
    "masked": lambda x: np.ma.masked_array(x, mask=np.arange(x.size).reshape(x.shape) == 0),
    "complex": lambda x: x.astype(complex),
    "objects": lambda x: x.astype(object),
    "words": lambda x: x.astype(str),
    "truth values": lambda x: x.astype(bool),
    "dates": lambda x: x.astype("M8[D]"),
    "lost digits": lambda x: x.astype(np.longdouble) + np.longdouble(1) / 3,
}


#: Fixed features and kernels are themselves for all samples; only rules look at these.
UNUSED = {(f"{kind}.draw", name) for kind in ("Features", "MatrixKernel") for name in "xy"}
UNUSED |= {("MedianBandwidth.draw", "y"), ("RandomNeuralTangent.draw", "y")}


def of_arrays():
    """Yield the targets and names of their arguments that are arrays of numbers."""
    for target in ONCE:
        for name, value in target.arguments.items():
            floating = isinstance(value, np.ndarray) and value.dtype == np.float64 and value.ndim
            if floating and (target.call.__qualname__, name) not in UNUSED:
                yield target, name


def equal(first, second):
    pairs = zip(hostile.numbers(first), hostile.numbers(second), strict=True)
    # Sums over columns in another order differ by roundings, which conditions of about 1e3 enlarge.
    return all(np.allclose(x, y, rtol=1e-11, atol=1e-13) for (_, x), (_, y) in pairs)


@pytest.mark.parametrize("form", SAME)
def test_array_likes_are_the_arrays_that_they_stand_for(form):
    wrong = []
    for target, name in of_arrays():
        if target.name.startswith("backend."):
            continue  # their purpose is to tell arrays apart
        arguments = copied(target.arguments)
        plain = hostile.attempt(target.call, arguments)
        other = hostile.attempt(target.call, {**arguments, name: SAME[form](arguments[name])})
        if type(plain) is not type(other) or not equal(plain, other):
            wrong.append((target.name, name, plain, other))
    assert not wrong, wrong[:3]


@pytest.mark.parametrize("form", OTHER)
def test_what_is_no_array_of_numbers_is_rejected_by_name(form):
    wrong = []
    for target, name in of_arrays():
        if target.name.startswith("backend."):
            continue
        arguments = copied(target.arguments)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            arguments[name] = OTHER[form](arguments[name])
        found = hostile.outcome(target.call, arguments)
        also = ALSO_NAMED.get(target.name.split(".")[-1], "").split()
        known = any(word in found.detail for word in (name, *also, *NOT_THERE))
        if found.kind != "rejected" or not known:
            wrong.append((target.name, name, found))
    assert not wrong, wrong[:5]


def test_half_precision_is_computed_in_single_precision():
    x = np.asarray(examples.X, dtype=np.float16)
    found = ir.metrics.median_bandwidth(x)
    assert found == ir.metrics.median_bandwidth(x.astype(np.float32))
    assert ir.families.Gamma().mean(np.float16([2.0, -1.0])).dtype == np.float32


def test_whole_numbers_beyond_float64_are_rejected():
    x = np.array([[2**53 + 1], [0]])
    with pytest.raises(ir.errors.BackendError, match=r"x has numbers .* first at index \(0, 0\)"):
        ir.metrics.median_bandwidth(x)
    assert ir.metrics.median_bandwidth(x - 1) == 2.0**52.5


def test_columns_of_data_frames_are_arrays():
    for library in ("pandas", "polars"):
        frame = pytest.importorskip(library).DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.0, 1.0, 5.0]})
        assert ir.metrics.median_bandwidth(frame) == ir.metrics.median_bandwidth(frame.to_numpy())
        weights = frame["a"] / 7.0
        assert ir.families.Gaussian().fit(frame[["b"]], weights).shape == (2,)


# --- random generators ----------------------------------------------------------------------------

RANDOM = [target for target in ONCE if "rng" in target.arguments]


@pytest.mark.parametrize("target", RANDOM, ids=lambda target: target.name)
def test_seeds_make_generators(target):
    def run(rng):
        found = hostile.attempt(target.call, {**copied(target.arguments), "rng": rng})
        assert not isinstance(found, Exception), found
        return found

    sequence = np.random.SeedSequence(5)
    forms = (5, np.int64(5), sequence, np.random.PCG64(5), np.random.default_rng(5))
    expected, *others = map(run, forms)
    assert all(equal(expected, other) for other in others)
    run(None)


WRONG_RANDOM = (np.random, np.random.Generator, np.random.RandomState(0), "7", -1, 1.0, True, [5])


@pytest.mark.parametrize("target", RANDOM, ids=lambda target: target.name)
def test_nothing_else_is_a_random_generator(target):
    before = str(np.random.get_state())  # noqa: NPY002  what must not change
    for wrong in WRONG_RANDOM:
        found = hostile.attempt(target.call, {**copied(target.arguments), "rng": wrong})
        assert isinstance(found, ir.errors.OptionError), (wrong, found)
        assert str(found).startswith("rng must be None, a seed")
    hostile.attempt(target.call, {**copied(target.arguments), "rng": None})
    assert str(np.random.get_state()) == before  # noqa: NPY002


# --- constructors ---------------------------------------------------------------------------------

CLASSES = [
    target for target in CALLED if isinstance(target.call, type) and target.name not in NOT_FINITE
]


@pytest.mark.parametrize("target", CLASSES, ids=lambda target: target.name)
def test_constructors_reject_what_would_fail_later(target):
    defaults = inspect.signature(target.call).parameters
    for name, value in target.arguments.items():
        kind = type(value)
        wrong = {str: ["nonsense", None, 3], float: [np.nan, np.inf, "1", None], int: [-1, 1.5]}
        wrong |= {bool: [None, 2, "yes"]}
        if isinstance(value, np.ndarray):
            wrong[kind] = [np.full_like(value, np.nan), "word"]
        for bad in wrong.get(kind, []):
            if (target.name, name) in FREE_WORDS and isinstance(bad, str):
                continue
            if kind is str and value == "median" and bad == 3:
                continue  # a bandwidth
            if bad is None and name in defaults and defaults[name].default is None:
                continue
            with pytest.raises(IngdError):
                target.call(**{**target.arguments, name: bad})


#: Words that may be anything.
FREE_WORDS = {("families.Constraint", "description"), ("families.Parameter", "name")}
