"""Run the pieces of an experiment in one process or several, and keep each that finishes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._io import Outputs
from ingd_ref.backend import to_host
from ingd_ref.backend._threads import single_blas_thread
from ingd_ref.errors import BackendError, IngdError
from ingd_ref.experiments._experiment import Experiment, Piece
from ingd_ref.experiments._store import Store, identity
from ingd_ref.runs import FlowResult

__all__ = ["default_jobs", "run_experiment"]

Observer = Callable[[Piece | None, int, int], Any]


def run_experiment(
    experiment: Experiment[Any],
    out: str | os.PathLike[str],
    *,
    jobs: int = 1,
    resume: bool = True,
    observer: Observer | None = None,
    progress: Any = False,
) -> dict[str, Any]:
    """Run an experiment and write its results, arrays and figures to a directory.

    Parameters
    ----------
    experiment : Experiment
        The experiment, with its options.
    out : str or path-like
        The directory. A run that it holds in part is continued.
    jobs : int ≥ 1
        Number of processes; results do not depend on it. Default 1: this process. With more, the
        calling script must guard its start by ``if __name__ == "__main__":``.
    resume : bool
        Continue a run that the directory already holds, instead of raising. Default ``True``.
    observer : callable, optional
        Called as ``observer(piece, done, total)``: first with ``None``, then after each piece.
    progress : bool or callable
        Passed to :func:`ingd_ref.run_flow` for pieces that run in this process. Default ``False``.

    Returns
    -------
    dict
        The contents of ``results.json``, and a summary in a few lines under ``"lines"``.

    Raises
    ------
    CheckpointError
        If the directory cannot be written, is damaged, holds another run or is in use by one, or
        holds a file that this run did not make under the name of one of its results.
    IngdError
        If a piece fails; the message names it, and finished pieces are kept.
    KeyboardInterrupt
        On Ctrl-C, once running pieces in other processes have finished; all of them are kept.

    Examples
    --------
    >>> import tempfile
    >>> from dataclasses import replace
    >>> import ingd_ref as ir
    >>> tiny = replace(ir.experiments.EXPERIMENTS["gaussian"], steps=(4, 8), methods=("rk4",))
    >>> results = ir.experiments.run_experiment(tiny, tempfile.mkdtemp())
    >>> results["methods"]["rk4"]["slope"] > 3.5
    True
    """
    jobs = _checks.positive_integer(jobs, "jobs")
    experiment.require()
    with Outputs(Path(out), identity(experiment)) as outputs:
        store = Store(outputs, experiment, resume)
        return _run_and_report(store, jobs, observer or (lambda piece, done, total: None), progress)


def _run_and_report(store: Store, jobs: int, observe: Observer, progress: Any) -> dict[str, Any]:
    experiment = store.experiment
    pieces = experiment.pieces()
    results = {piece: result for piece in pieces if (result := store.load(piece)) is not None}
    observe(None, len(results), len(pieces))
    missing = [piece for piece in pieces if piece not in results]

    def keep(piece: Piece, result: Any) -> None:
        store.save(piece, result)
        results[piece] = result
        observe(piece, len(results), len(pieces))

    if min(jobs, len(missing)) > 1:
        _run_in_processes(experiment, missing, jobs, keep)
    else:
        for piece in missing:
            keep(piece, _run(experiment, piece, progress))
    with single_blas_thread():
        report = experiment.report({piece: results[piece] for piece in pieces})
    return {**store.conclude(report), "lines": report.lines}


def default_jobs(experiment: Experiment[Any]) -> int:
    """Return the default number of processes: all cores for long pieces on the CPU, else one."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return cores if experiment.parallel and experiment.backend == "numpy" else 1


def _run_in_processes(
    experiment: Experiment[Any], pieces: list[Piece], jobs: int, keep: Callable[[Piece, Any], None]
) -> None:
    """Run pieces in worker processes, and keep each result as soon as it arrives.

    After Ctrl-C, which workers ignore, or a failure, no piece is started, but running ones are
    finished and kept. An interrupt inside ``keep`` makes it keep that piece twice.
    """
    stop: BaseException | None = None
    workers = min(jobs, len(pieces))
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start_worker
    ) as pool:
        waiting = iter(pieces)
        running = {
            pool.submit(_run, experiment, piece): piece for piece in islice(waiting, workers)
        }
        while running:
            try:
                future = next(iter(wait(running, return_when=FIRST_COMPLETED).done))
                failure = future.exception()
                if failure is None:
                    keep(running[future], future.result())
                stop = stop or failure
                del running[future]
                if stop is None:
                    running |= {
                        pool.submit(_run, experiment, piece): piece for piece in islice(waiting, 1)
                    }
            except KeyboardInterrupt as caught:
                stop = caught
    if isinstance(stop, BrokenProcessPool):
        advice = "finished pieces are kept, try again with fewer jobs"
        raise BackendError(f"a process of the experiment ended abruptly; {advice}") from stop
    if stop is not None:
        raise stop


def _start_worker() -> None:
    """Leave Ctrl-C to the parent process and other cores to other workers; end with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    import numba

    numba.set_num_threads(1)


def _end_with_parent(parent: int) -> None:
    """End this process, whatever it does, as soon as its parent has ended."""
    process = parent_process()
    sentinels = [] if process is None else [process.sentinel]
    # A process forked by the parent may keep the sentinel open; a new parent shows its end.
    while not wait_for(sentinels, timeout=1.0) and os.getppid() == parent:
        pass
    os._exit(1)


def _run(
    experiment: Experiment[Any], piece: Piece, progress: Any = False
) -> FlowResult | dict[str, np.ndarray]:
    """Run one piece, in this process or in a worker."""
    try:
        # The last bits of a matrix product depend on the number of threads: one, wherever it runs.
        with single_blas_thread():
            result = experiment.run(piece, progress)
    except IngdError as error:
        raise type(error)(f"{experiment.name}, {piece}: {error}") from error
    if not isinstance(result, FlowResult):
        return {name: np.asarray(to_host(array)) for name, array in result.items()}
    if result.status == "interrupted":
        raise KeyboardInterrupt
    return replace(
        result, particles=to_host(result.particles), trajectory=to_host(result.trajectory)
    )
