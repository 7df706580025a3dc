"""The laws as users run them: verdicts, smallest problems, reference vectors, command line."""

import json
import pathlib
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from click.testing import CliRunner

from ingd_ref.cli import main
from ingd_ref.conformance import (
    LAWS,
    Domain,
    Unsupported,
    adapter,
    build,
    check_velocity,
    package_velocity,
    parametrize_with_laws,
    reference_vectors,
)
from ingd_ref.conformance import _direct as direct
from ingd_ref.conformance import _vectors as vectors
from ingd_ref.conformance._adapter import guarded
from ingd_ref.conformance._kinds import FEATURES, KERNELS
from ingd_ref.conformance._problems import common, kernels_of, plan, smaller
from ingd_ref.errors import DomainError, OptionError
from ingd_ref.features import UserFeatures
from ingd_ref.kernels import _numba_fused as numba_fused
from ingd_ref.kernels import readable
from ingd_ref.rkhs import RadialKernel
from tests.conformance import mine

FEW = {"problems": 2}
ALL = ("scalar", "gradient", "gradient-matern52")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("features", FEATURES)
def test_the_direct_evaluation_uses_nothing_of_what_it_judges(kernel, features, monkeypatch):
    """Definitions and sums are evaluated without the kernels and features that do the work."""

    def used(*arguments, **options):
        raise AssertionError("the direct evaluation used what it judges")

    problem = build(kernel=kernel, features=features, n=3)
    for module in (readable, numba_fused):
        for name in module.__all__:
            monkeypatch.setattr(module, name, used)
    for owner, names in (
        (type(problem.kernel), ("contract", "gram", "_matrix")),
        (type(problem.features), ("_values", "_values_and_jacobian")),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, used)
    solution = direct.king(problem)
    assert np.all(np.isfinite(solution.velocity.astype(float)))
    assert solution.field(problem.y).dtype == np.longdouble


def outcomes(report):
    return {verdict.name: verdict.outcome for verdict in report.verdicts}


def test_a_right_implementation_of_a_part_passes_what_concerns_that_part():
    found = outcomes(check_velocity(mine.right, **FEW))
    assert set(found.values()) == {"holds", "not tested"}
    assert {
        "direct_evaluation",
        "particle_permutation",
        "particle_repetition",
        "translation",
        "scale",
        "purity",
    } <= decided(found)
    assert {"masked_coordinates_rest", "weightless_particle", "moment_identity"}.isdisjoint(
        decided(found)
    )
    assert {name for name in decided(found) if name.startswith("vector:")} == {
        "vector:gradient",
        "vector:gradient-one-dimension",
        "vector:gradient-one-particle",
        "vector:gradient-more-statistics-than-motions",
        "vector:gradient-duplicates",
        "vector:gradient-far-from-the-origin",
    }


def decided(found):
    return {name for name, outcome in found.items() if outcome != "not tested"}


def test_the_package_passes_everything_and_leaves_nothing_unjudged():
    report = check_velocity(package_velocity(), problems=2)
    assert set(outcomes(report).values()) == {"holds"}, str(report)


def test_a_mistake_is_named_with_the_smallest_problem():
    report = check_velocity(mine.biased, **FEW)
    assert not report.passed
    broken = {verdict.name: verdict for verdict in report.verdicts if verdict.outcome == "broken"}
    # What the divisor of the covariance changes; symmetries do not notice it.
    assert {"direct_evaluation", "particle_repetition", "vector:gradient"} <= set(broken)
    assert "particle_permutation" not in broken
    problem = broken["particle_repetition"].problem
    # With one particle there is no covariance, with two the divisors 1 and 2 differ: the smallest
    # problem has two particles.
    assert (problem["n"], problem["m"], problem["d"], problem["b"]) == (2, 1, 1, 1)
    with pytest.raises(AssertionError, match="velocity of repeated particles: differs by"):
        LAWS["particle_repetition"].check(lambda p: Velocity(mine.biased(p)), build(**problem))
    text = str(report)
    assert "particle_repetition: broken. Every particle several times:" in text
    assert "smallest problem found: build(n=2, m=1, d=1, b=1" in text


class Velocity:
    def __init__(self, velocity):
        self.velocity = velocity


def test_an_exception_of_the_implementation_is_its_failure():
    (verdict,) = check_velocity(mine.raising, laws=["particle_permutation"], vectors=False).verdicts
    assert verdict.outcome == "broken"
    assert verdict.message == "raised ZeroDivisionError: division by zero"


def test_expected_failures_keep_their_list_true():
    expected = {
        "particle_repetition": "divides by n - 1",
        "particle_permutation": "thought to fail",
    }
    report = check_velocity(mine.biased, expected, laws=list(expected), vectors=False, **FEW)
    assert outcomes(report) == {
        "particle_repetition": "expected failure",
        "particle_permutation": "holds unexpectedly",
    }
    assert not report.passed
    assert "remove it from the list" in str(report)
    assert check_velocity(
        mine.biased,
        {"particle_repetition": "known"},
        laws=["particle_repetition"],
        vectors=False,
        **FEW,
    ).passed


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"laws": ["gravity"]}, OptionError, "'gravity'"),
        ({"expected_failures": {"gravity": "falls"}}, OptionError, "'gravity'"),
        ({"problems": 0}, DomainError, "problems"),
    ],
)
def test_unusable_arguments(options, error, message):
    with pytest.raises(error, match=message):
        check_velocity(mine.right, **options)


def test_results_may_be_mappings():
    def mapped(problem):
        solution = package_velocity()(problem)
        return {
            "velocity": solution.velocity,
            "delta": solution.delta,
            "moment_rate": solution.moment_rate,
        }

    found = outcomes(
        check_velocity(
            mapped,
            laws=["moments_are_transported", "field_at_the_particles"],
            vectors=False,
            problems=2,
        )
    )
    assert found == {
        "moments_are_transported": "not tested",
        "field_at_the_particles": "not tested",
    }
    assert outcomes(check_velocity(mapped, laws=["energy_descent"], vectors=False, problems=2)) == {
        "energy_descent": "holds"
    }


def test_an_adapter_may_refuse():
    def picky(problem):
        if problem.dim > 1:
            raise Unsupported("one dimension only")
        return package_velocity()(problem)

    (verdict,) = check_velocity(picky, laws=["curl_free"], vectors=False, problems=2).verdicts
    assert (verdict.outcome, verdict.message) == ("not tested", "one dimension only")


# --- reference vectors ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", vectors.CASES)
def test_stored_vectors_are_what_the_direct_evaluation_gives(name):
    (stored,) = (vector for vector in reference_vectors() if vector.name == name)
    fresh = vectors.made(name)
    assert vectors.describe(stored.problem) == fresh["problem"]
    for result, value in fresh["expected"].items():
        # Stored numbers were rounded once; where extended precision is no wider than double, the
        # tolerance of the vector itself holds.
        assert np.linalg.norm(np.array(value) - stored.expected[result]) <= stored.tolerance[result]


def test_vectors_are_read_without_the_package():
    path = pathlib.Path(vectors.__file__).with_name("reference_vectors.json")
    entries = json.loads(path.read_text(encoding="utf-8"))
    assert list(entries) == list(vectors.CASES)
    for entry in entries.values():
        assert np.shape(entry["expected"]["velocity"]) == np.shape(entry["problem"]["x"])
        assert all(value > 0 for value in entry["tolerance"].values())


def test_a_vector_sees_a_wrong_last_result():
    vector = reference_vectors()[0]
    right = package_velocity()(vector.problem)
    wrong = {"velocity": right.velocity, "gram": right.gram * (1 + 1e-9)}
    from ingd_ref.conformance import _adapter

    with pytest.raises(AssertionError, match="gram: differs by"):
        vector.compare(_adapter.guarded(lambda problem: wrong)(vector.problem))


# --- problems -------------------------------------------------------------------------------------


def test_common_ground_of_a_law_and_an_implementation():
    law, mine_only = (
        Domain(n=(3, 8), kernels=("gradient", "scalar")),
        Domain(n=(1, 5), kernels=("scalar", "tangent-full"), ridge=(7.0,)),
    )
    both = common(law, mine_only)
    assert (both.n, both.kernels, both.ridge) == ((3, 5), ("scalar",), law.ridge)
    assert common(law, Domain(n=(1, 2))) is None
    assert common(law, Domain(kernels=("tangent-full",))) is None


def test_problems_stay_within_their_domain():
    domain = Domain(
        n=(2, 4),
        d=(2, 2),
        kernels=("scalar",),
        masks=(True,),
        ddof=(1,),
        weights=("random",),
        layouts=("F",),
        dtypes=("float32",),
    )
    for options in plan(domain, "some law", 20):
        problem = build(**options)
        assert 2 <= len(problem.x) <= 4
        assert problem.dim == 2
        assert problem.mask is not None
        assert problem.weights is not None
        assert problem.x.dtype == np.float32
        assert problem.x.flags.f_contiguous


@pytest.mark.parametrize(
    "options",
    [
        {"features": "rbfs"},
        {"kernel": "bar"},
        {"layout": "D"},
        {"weights": "some"},
        {"target_weights": "some"},
    ],
)
def test_unknown_words_are_named(options):
    (name, word) = next(iter(options.items()))
    with pytest.raises(OptionError, match=f"{name} must be one of .*got '{word}'"):
        build(**options)


def test_a_new_kernel_or_new_statistics_change_no_other_problem():
    """Each kernel has its own random problems, and each kind of statistics its own rank in them."""
    few = Domain(kernels=("scalar", "gradient"), features=("rbf", "fourier"))
    more = Domain(kernels=("gradient-matern52", "gradient", "scalar"), features=("fourier", "rbf"))
    plans = [
        {kind: [o for o in plan(domain, "some law", 8) if o["kernel"] == kind] for kind in ALL}
        for domain in (few, more)
    ]
    assert plans[0]["scalar"] == plans[1]["scalar"] != []
    assert plans[0]["gradient"] == plans[1]["gradient"] != plans[0]["scalar"]
    assert len(plans[1]["gradient-matern52"]) == 16
    assert plan(few, "another law", 8) != plan(few, "some law", 8)
    third = plan(replace(few, features=("rbf", "monomials", "fourier")), "some law", 8)
    changed = [
        (before, after)
        for before, after in zip(plan(few, "some law", 8), third, strict=True)
        if before != after
    ]
    assert 0 < len(changed) < 16
    assert all(after["features"] == "monomials" for _, after in changed)


def test_a_law_is_tried_on_every_kernel_that_it_is_about():
    assert set(kernels_of(LAWS["curl_free"].domain)) == {
        "gradient",
        "gradient-inverse-multiquadric",
        "gradient-matern52",
    }
    assert kernels_of(LAWS["divergence_free"].domain) == ("divergence-free",)
    assert "divergence-free" not in kernels_of(LAWS["dead_coordinate"].domain)
    assert set(kernels_of(LAWS["direct_evaluation"].domain)) == set(KERNELS)


class Cauchy(RadialKernel):
    """The gradient kernel of k = 1/(1 + q), as a user would write it."""

    words: ClassVar = {"cauchy": {}}
    curl_free = True

    def profile(self, xp, q, dim):
        return 2.0 / (1.0 + q) ** 2, -8.0 / (1.0 + q) ** 3


class Swirling(Cauchy):
    """The same with a wrong sign: its fields are not gradients."""

    def profile(self, xp, q, dim):
        a, b = super().profile(xp, q, dim)
        return a, -b


class Silent(Cauchy):
    """A kernel that does not describe itself."""

    words: ClassVar = {}


def test_a_kernel_of_a_user_is_judged_by_what_it_says():
    def decided(kernel):
        mine = adapter(kernels=(kernel, "multiple"))(lambda problem: package_velocity()(problem))
        return outcomes(check_velocity(mine, vectors=False, problems=1))

    found = decided(Cauchy)
    other = {"divergence_free", "linear_statistics_in_a_flat_kernel"}
    assert {name for name, outcome in found.items() if outcome == "not tested"} == other
    assert set(found.values()) == {"holds", "not tested"}
    assert decided(Swirling)["curl_free"] == "broken"


def test_what_does_not_describe_itself_is_named():
    with pytest.raises(OptionError, match="the laws do not know the kernel Silent"):
        _ = Silent(1.0).word
    with pytest.raises(OptionError, match="the kernel Silent has no words"):
        build(kernel=Silent)
    with pytest.raises(OptionError, match="the features UserFeatures have no word"):
        build(features=UserFeatures)
    problem = build().change(kernel=Silent(1.0))
    with pytest.raises(OptionError, match="the laws do not know the kernel Silent"):
        guarded(package_velocity())(problem)


def test_shrinking_ends_at_the_smallest():
    options = {
        "n": 8,
        "m": 7,
        "d": 3,
        "b": 7,
        "features": "fourier",
        "kernel": "scalar",
        "location": 2.0,
    }
    found = smaller(options, Domain(), lambda candidate: candidate["n"] * candidate["b"] >= 12)
    assert found["n"] * found["b"] == 12
    assert (found["m"], found["d"], found["features"], found["kernel"], found["location"]) == (
        1,
        1,
        "rbf",
        "scalar",
        0.0,
    )


def test_the_decorator_marks_and_leaves_alone():
    def function(problem):
        return problem

    assert adapter(masks=False)(function) is function
    assert function.supports.masks == (False,)


# --- pytest and the command line ------------------------------------------------------------------


@parametrize_with_laws(
    mine.biased,
    {"particle_repetition": "divides by n - 1", "direct_evaluation": "the same"},
    problems=2,
)
def collected(check):
    check()


def test_every_law_and_vector_is_a_case_of_its_own():
    (mark,) = collected.pytestmark
    ids = [case.id for case in mark.args[1]]
    assert ids == [*LAWS, *(f"vector:{name}" for name in vectors.CASES)]
    cases = dict(zip(ids, mark.args[1], strict=True))
    assert cases["particle_repetition"].marks[0].kwargs == {
        "reason": "divides by n - 1",
        "strict": True,
    }
    cases["particle_permutation"].values[0]()
    with pytest.raises(AssertionError, match="smallest problem found"):
        cases["particle_repetition"].values[0]()
    with pytest.raises(pytest.skip.Exception, match="does not support"):
        cases["masked_coordinates_rest"].values[0]()


def invoke(*arguments):
    return CliRunner().invoke(main, ["check", *arguments])


def test_command_line():
    few = ("--law", "particle_repetition", "--law", "full_mask", "--no-vectors", "--problems", "2")
    right = invoke("tests.conformance.mine:right", *few, "--list")
    assert right.exit_code == 0, right.output
    assert right.output.splitlines()[0] == "holds               particle_repetition"
    wrong = invoke("tests.conformance.mine:biased", *few)
    assert wrong.exit_code == 1
    assert "particle_repetition: broken." in wrong.output
    assert (
        invoke(
            "tests.conformance.mine:biased", *few, "--expect-failure", "particle_repetition"
        ).exit_code
        == 0
    )


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        ("mine", 2, "write MODULE:OBJECT"),
        ("no_such_module:f", 1, "module 'no_such_module' cannot be imported"),
        ("tests.conformance.mine:absent", 1, "has no 'absent'"),
        (
            "tests.conformance.mine:not_a_function",
            1,
            "must be a function of a problem, got int",
        ),
    ],
)
def test_what_cannot_be_checked_is_named(target, code, message):
    outcome = invoke(target)
    assert outcome.exit_code == code
    assert message in outcome.output


def test_where_nothing_is_judged_nothing_passes():
    """A misspelt entry leaves every law without a velocity; to request no law is not a success."""
    chosen = {"laws": ["particle_permutation", "linear_in_delta"], "vectors": False, **FEW}
    report = check_velocity(lambda p: {"velocities": package_velocity()(p).velocity}, **chosen)
    assert {verdict.outcome for verdict in report.verdicts} == {"not tested"}
    assert not report.passed
    assert "nothing was tested: the result has no velocity" in str(report)
    assert not check_velocity(package_velocity(), laws=[], vectors=False).passed


@pytest.mark.parametrize(
    "options", [{"features": ("rbfs",)}, {"kernels": "gradient"}, {"dtypes": ("float16",)}]
)
def test_adapters_support_words_that_exist(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        adapter(**options)
