"""Everything that the loop drives, as small runs, and what their results hold."""

from dataclasses import fields, is_dataclass

import numpy as np

import ingd_ref as ir
from ingd_ref import simplex
from ingd_ref import variational as vi

RNG = np.random.default_rng(7)
PARTICLES, SAMPLE = RNG.normal(size=(6, 2)), RNG.normal(2.0, 1.0, size=(8, 2))
NAIVE, BEST = simplex.naive_bayes(), np.array([0.5, 0.4, 0.7, 0.2, 0.9])
START = np.array([[0.45, 0.35, 0.65, 0.25, 0.8], [0.55, 0.45, 0.75, 0.3, 0.85]])
JOINT = NAIVE.probabilities(BEST)
VISIBLE = NAIVE.marginalisation.push(JOINT)
RECOGNITION = NAIVE.marginalisation.conditional(JOINT)
DESIGN = RNG.normal(size=(20, 3))
LABELS = np.where(DESIGN[:, 0] > 0, 1.0, 0.0)
LOGISTIC = vi.LogisticRegression(DESIGN, LABELS)
SINGLE = vi.LogisticRegression(DESIGN.astype(np.float32), LABELS.astype(np.float32))
APPROXIMATIONS = {
    "full": vi.FullGaussian.from_precision(np.zeros(3), np.eye(3)),
    "mean field": vi.MeanFieldGaussian(np.zeros((2, 3)), np.ones((2, 3))),
    "low rank": vi.LowRankGaussian(np.zeros(3), np.ones(3), np.zeros((3, 1))),
    "float32": vi.FullGaussian.from_precision(
        np.zeros(3, dtype=np.float32), np.eye(3, dtype=np.float32)
    ),
}
RULE = vi.Vadam(20, 1.0, learning_rate=0.05)


def flow(**options):
    arguments = {"flow": ir.flows.KiNG(ir.features.RandomCenters(4)), "step_size": 0.2}
    return ir.run_flow(**arguments | {"particles": PARTICLES, "target": SAMPLE} | options)


def generator(**options):
    arguments = {"features": ir.features.Monomials(2), "latents": 9, "batch": 5}
    start = np.array([0.0, 0.0, 1.0])
    return ir.run_ingd(ir.generators.LocationScale(2), start, SAMPLE, **arguments | options)


def evidence(rng, **options):  # nothing is drawn
    return simplex.run_evidence_flow(NAIVE, START, VISIBLE, **{"step_size": 0.1} | options)


def bound(rng, recognition=RECOGNITION, **options):
    options = {"step_size": 0.1, "keep_every": 3, "integrator": "adaptive"} | options
    return simplex.run_elbo_flow(NAIVE, START, VISIBLE, recognition, **options)


def inference(start="full", model=LOGISTIC, **options):
    arguments = {"step": "positive", "step_size": 0.5, "tolerance": 0.0}
    return vi.run_nvi(model, APPROXIMATIONS[start], **arguments | options)


def sampled(start="full", **options):
    return inference(start, **{"expectation": vi.Sampling(4)} | options)


def vadam(state=None, model=LOGISTIC, rule=RULE, **options):
    state = RULE.start(np.zeros(3)) if state is None else state
    return vi.run_vadam(model, rule, state, **{"batch_size": 6} | options)


USERS = {
    "flow": flow,
    "generator": generator,
    "evidence": evidence,
    "bound": bound,
    "inference": inference,
    "sampled": sampled,
    "vadam": vadam,
}


def start(name, path=None, steps=6, seed=0, **options):
    """One run, of which everything is fixed but what is given."""
    fixed = {"rng": np.random.default_rng(seed), "progress": False}
    return USERS[name](steps=steps, checkpoint=path, **fixed | options)


def contents(value, name="result"):
    """Everything that a result holds but the time taken, to the last bit, by dotted name."""
    if is_dataclass(value):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
        parts.pop("seconds", None)
    elif isinstance(value, dict):
        parts = value
    elif isinstance(value, np.ndarray):
        return {name: (value.dtype, value.shape, value.tobytes())}
    else:
        return {name: value}
    return {
        k: v for part, held in parts.items() for k, v in contents(held, f"{name}.{part}").items()
    }


def steps_done(result):
    """How many steps a result has behind it."""
    if isinstance(result, vi.VadamResult):
        return len(result.means) - 1
    if isinstance(result, vi.VariationalResult):
        return result.steps
    if isinstance(result, simplex.SimplexFlow):
        return round(result.times[-1] / 0.1)
    return result.steps_done
