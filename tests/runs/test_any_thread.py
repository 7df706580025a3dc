"""The same bits from any thread and any kind of process, and BLAS limits that stay the user's."""

import hashlib
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

import ingd_ref as ir
from ingd_ref.backend._threads import blas, single_blas_thread
from ingd_ref.errors import CheckpointError

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def digest(**options):
    """Run three steps whose fused kernels, products and solution use the BLAS library."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 3)), rng.normal(size=(200, 3)) + 1.0
    flow = ir.flows.KiNG(ir.features.RandomCenters(120, 1.0), ir.rkhs.GradientGaussian(1.0))
    options = {"steps": 3, "step_size": 0.5} | options
    seeded = np.random.default_rng(1)
    result = ir.run_flow(flow, x, y, rng=seeded, progress=False, **options)
    return hashlib.sha256(result.trajectory.tobytes()).hexdigest()


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def at_once(function):
    with ThreadPoolExecutor(3) as pool:
        (found,) = {future.result() for future in [pool.submit(function) for _ in range(3)]}
    return found


def under_users_limit(function):
    with threadpool_limits(2, user_api="blas"):
        return in_thread(function)


CALLERS = {
    "main thread": lambda function: function(),
    "other thread": in_thread,
    "three threads at once": at_once,
    "other thread under a limit of the main thread": under_users_limit,
}


def digests():
    return {name: call(digest) for name, call in CALLERS.items()}


def _put(queue):
    queue.put(digests())


def in_process(kind):
    context = multiprocessing.get_context(kind)
    queue = context.Queue()
    process = context.Process(target=_put, args=(queue,))
    process.start()
    found = queue.get(timeout=120)
    process.join()
    return found


def in_loky():
    joblib = pytest.importorskip("joblib")
    return joblib.Parallel(n_jobs=2, backend="loky")([joblib.delayed(digests)()])[0]


def numbers():
    libraries = ThreadpoolController().lib_controllers
    return [one.num_threads for one in libraries if one.user_api == "blas"]


def test_bits_do_not_depend_on_the_thread_that_calls():
    assert len(set(digests().values())) == 1


@pytest.mark.long
def test_bits_depend_neither_on_the_thread_nor_on_the_kind_of_process():
    found = {"this": digests(), "spawn": in_process("spawn"), "loky": in_loky()}
    if hasattr(os, "fork"):
        found["fork"] = in_process("fork")
    bits = [value for row in found.values() for value in row.values()]
    assert len(bits) == 4 * len(found)
    assert len(set(bits)) == 1, found


def test_a_run_resumes_in_another_thread(tmp_path):
    whole, path = digest(), tmp_path / "run.npz"
    digest(steps=1, checkpoint=path)
    assert in_thread(lambda: digest(checkpoint=path)) == whole


def test_a_checkpoint_names_the_matrix_library(tmp_path):
    if "1 thread" in blas() or not numbers():
        pytest.skip("needs a matrix library with two threads or more")
    digest(steps=1, checkpoint=tmp_path / "run.npz")
    with (
        threadpool_limits(1, user_api="blas"),
        pytest.raises(CheckpointError, match=r"BLAS is .* there and .* 1 thread here"),
    ):
        digest(checkpoint=tmp_path / "run.npz")


def test_limits_of_the_user_work_before_meanwhile_and_afterwards():
    before = numbers()
    for call in (lambda function: function(), in_thread):
        with threadpool_limits(1, user_api="blas"):
            assert set(call(numbers)) <= {1}
            call(digest)
            assert set(numbers()) <= {1}
        assert numbers() == before
        assert call(lambda: _limited(2)) == [2] * len(before)
        assert numbers() == before


def _limited(number):
    with threadpool_limits(number, user_api="blas"):
        return numbers()


def test_limits_of_overlapping_threads():
    before, inside, leave = numbers(), threading.Event(), threading.Event()

    def stay():
        with single_blas_thread():
            inside.set()
            leave.wait(10)
            return numbers()

    with ThreadPoolExecutor(1) as pool:
        with single_blas_thread():
            other = pool.submit(stay)
            assert inside.wait(10)
        assert set(numbers()) <= {1}
        leave.set()
        assert set(other.result()) <= {1}
    assert numbers() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_inside_the_limit_of_another_thread_is_free():
    before, inside, leave = numbers(), threading.Event(), threading.Event()

    def stay():
        with single_blas_thread():
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=stay)
    thread.start()
    assert inside.wait(10)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=lambda: queue.put((numbers(), digest())))
    process.start()
    found = queue.get(timeout=60)
    process.join()
    leave.set()
    thread.join()
    assert found == (before, digest())
