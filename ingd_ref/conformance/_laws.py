"""Every law, by name, in the order of the modules that state them."""

from __future__ import annotations

from ingd_ref.conformance import (
    _agreement,
    _arrays,
    _choice_of_statistics,
    _coordinates,
    _field,
    _moments,
    _repetitions,
    _symmetries,
)
from ingd_ref.conformance._law import Law

__all__ = ["LAWS"]

MODULES = (
    _agreement,
    _symmetries,
    _repetitions,
    _choice_of_statistics,
    _moments,
    _field,
    _coordinates,
    _arrays,
)

#: Every law, by name.
LAWS: dict[str, Law] = {
    found.name: found
    for module in MODULES
    for found in vars(module).values()
    if isinstance(found, Law)
}
