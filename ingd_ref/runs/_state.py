"""The state of a run between steps, and the arrays that it keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref.backend._namespace import Array, to_backend, to_host
from ingd_ref.errors import CheckpointError

__all__ = [
    "Record",
    "Series",
    "Snapshot",
    "State",
    "decode",
    "encode",
    "json_state",
    "set_json_state",
]

#: What is kept of one step: arrays by the names of their series; thinned-out ones are absent.
Record = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class State:
    """Where a process is between two steps.

    Attributes
    ----------
    arrays : mapping of str to array
        What moves, under the names that a checkpoint gives it.
    memory : object
        What else the next step needs: anything that JSON holds.
    derived : object
        What follows from the rest and is not saved; ``Process.restored`` computes it again.
    """

    arrays: Mapping[str, Array]
    memory: Any = None
    derived: Any = None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything from which a run continues after a completed step."""

    step: int
    state: State
    rng_state: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Series:
    """An array that a run keeps at the start and after every so many steps.

    ``like`` is an array of its shape, floating type, library and device.
    """

    name: str
    like: Array
    every: int = 1

    def due(self, step: int) -> bool:
        """Whether ``step`` is one of those that are kept."""
        return step % self.every == 0


def encode(series: Sequence[Series], step: int, record: Record) -> bytes:
    """Bytes of the record of ``step``: each array in C order, little-endian."""
    return b"".join(_bytes(one, record[one.name]) for one in series if one.due(step))


def decode(series: Sequence[Series], steps: int, data: bytes) -> list[Record]:
    """Records of the steps 0 to ``steps``, from their bytes."""
    templates = [(one, to_host(one.like)) for one in series]
    records: list[Record] = []
    offset = 0
    for step in range(steps + 1):
        record = {}
        for one, template in templates:
            if one.due(step):
                dtype = template.dtype.newbyteorder("<")
                taken = np.frombuffer(data, dtype, template.size, offset)
                record[one.name] = to_backend(np.reshape(taken, template.shape), one.like)
                offset += taken.nbytes
        records.append(record)
    return records


def _bytes(series: Series, value: Array) -> bytes:
    host, like = to_host(value), series.like
    if host.shape != tuple(like.shape) or value.dtype != like.dtype:
        raise CheckpointError(
            f"{series.name} is {value.dtype} of shape {host.shape}, but a checkpoint needs "
            f"{like.dtype} of shape {tuple(like.shape)}, as at the start"
        )
    return host.astype(host.dtype.newbyteorder("<")).tobytes()


def json_state(rng: np.random.Generator) -> str:
    """State of the bit generator of ``rng`` as JSON, to its last bit."""
    return json.dumps(rng.bit_generator.state, default=np.ndarray.tolist)


def set_json_state(rng: np.random.Generator, state: str) -> None:
    """Put the bit generator of ``rng`` into a state that :func:`json_state` returned."""
    rng.bit_generator.state = json.loads(state)
