"""How a run is driven, whatever it runs: the arguments that every public ``run_...`` shares."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.errors import OptionError

__all__ = ["Callback", "Options", "Report"]

Callback = Callable[[Any], bool | None]
Report = Callable[[Any], object]


@dataclass(frozen=True)
class Options:
    """Arguments of the loop, checked; see :func:`ingd_ref.run_flow` for what they mean."""

    steps: int
    rng: RandomSource = None
    callback: Callback | None = None
    progress: bool | Report = True
    checkpoint: str | os.PathLike[str] | None = None
    checkpoint_every: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "checkpoint_every"):
            object.__setattr__(self, name, _checks.positive_integer(getattr(self, name), name))
        if self.callback is not None:
            _checks.function(self.callback, "callback")
        if not callable(self.progress):
            _checks.flag(self.progress, "progress")
        if self.checkpoint is not None:
            path = _checks.path(self.checkpoint, "checkpoint")
            if not path.name:
                raise OptionError(
                    f"checkpoint must be the path of a file, got {str(self.checkpoint)!r}"
                )
            object.__setattr__(self, "checkpoint", path)
        if self.rng is not None:
            object.__setattr__(self, "rng", _checks.generator(self.rng))
