"""One slow run, as a program that the tests kill, interrupt and starve of disk space.

``python slow_run.py KIND CHECKPOINT RESULT SEED [FILE_SIZE_LIMIT]``: KIND is "flow" or one of the
small runs of users.py. Says "running" once the imports are done, "status STEPS" at the end.
"""

import json
import pathlib
import resource
import sys
import time
from dataclasses import dataclass

import numpy as np

from ingd_ref.errors import CheckpointError
from ingd_ref.flows import Flow
from ingd_ref.runs import run_flow
from tests.runs.users import contents, start, steps_done


@dataclass(frozen=True)
class SlowFlow(Flow):
    """Attraction to the mean of the target in a random wind; each step takes ``pause`` seconds."""

    pause: float

    def prepare(self, particles, target, rng, weights=None, target_weights=None, mask=None):
        wind = 0.1 * rng.normal(size=particles.shape[1])
        time.sleep(self.pause / 2)

        def velocity(x):
            time.sleep(self.pause / 2)
            return target.mean(axis=0) - x + wind * np.cos(x)

        return velocity


def run_slow_flow(checkpoint, seed):
    rng = np.random.default_rng(seed)
    return run_flow(
        SlowFlow(0.003),
        rng.normal(size=(300, 2)),
        lambda rng: rng.normal(5.0, 2.0, size=(50, 2)),
        steps=40,
        step_size=0.1,
        rng=rng,
        metrics={"mean": lambda x: x.mean(), "spread": lambda x: x.std()},
        keep_every=2,
        checkpoint=checkpoint,
        progress=False,
    )


def run(kind, checkpoint, seed):
    if kind == "flow":
        return run_slow_flow(checkpoint, seed)
    return start(kind, checkpoint, steps=40, seed=seed, callback=lambda info: time.sleep(0.005))


def save(kind, result, path):
    if kind == "flow":
        result.save(path)
    else:
        held = {name: repr(value) for name, value in contents(result).items()}
        pathlib.Path(path).write_text(json.dumps(held))


if __name__ == "__main__":
    kind, checkpoint, saved, seed, *limit = sys.argv[1:]
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit[0]), resource.RLIM_INFINITY))
    print("running", flush=True)
    try:
        result = run(kind, checkpoint, int(seed))
    except CheckpointError as error:
        print(f"{error} | {error.partial.steps_done}", flush=True)
        sys.exit(3)
    save(kind, result, saved)
    print(result.status, steps_done(result), flush=True)
