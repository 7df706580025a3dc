"""The paper in code: each label with its function, fast implementations, laws and evidence.

Nothing here is typed twice. The statement is the docstring of the equation, the fast form is every
public object that names the label in the first paragraph of its docstring or for an attribute, a
law tests the labels that its statement names, and ``python -m validation --record`` measured the
figures.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType, ModuleType
from typing import Any

from ingd_ref.equations import LABELS

__all__ = [
    "EVIDENCE",
    "SECTIONS",
    "SOURCES",
    "Entry",
    "Figure",
    "entry",
    "labels_in",
    "public_modules",
    "statement",
]

PACKAGE = "ingd_ref"
EVIDENCE = "_evidence.json"
#: The subpackages that compute; others, such as experiments, only use them.
COMPUTING = (
    *("families", "projection", "generators", "features", "rkhs", "kernels", "least_squares"),
    *("flows", "runs", "metrics", "simplex", "variational"),
)
LABEL = re.compile(r"\(([EPNKFWQB]\d{1,2}′?)\)")
TOP = re.compile(r"\A.+?(?:\n\n|\Z)|^Attributes\n-+\n.+?(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
RANGE = re.compile(r"\(([EPNKFWQB])(\d{1,2})\)\s*(?:-|–|to)\s*\(\1(\d{1,2})\)")

#: Titles of the sections, by the letter that their labels begin with.
SECTIONS = MappingProxyType(
    {
        "E": "Exponential families",
        "P": "Projecting a time-varying model on the manifold",
        "N": "Tracking the natural gradient with a generator",
        "K": "Particle flows in a reproducing kernel space",
        "F": "Learned features",
        "W": "Flows to compare with",
        "Q": "Metrics",
        "B": "The natural gradient of the evidence lower bound",
    }
)

#: The references by the keys in brackets.
SOURCES = MappingProxyType(
    {
        "L25": "Liu, Wang, Wang: Guiding Time-Varying Generative Models with Natural Gradients on "
        "Exponential Family Manifold. UAI 2025, PMLR 286, arXiv:2502.07650",
        "A25": "Ay, van Oostrum, Datar: On the Natural Gradient of the Evidence Lower Bound. "
        "JMLR 2025, arXiv:2307.11249",
        "S19": "Subramanian: A Fascinating connection between Natural Gradients and the "
        "Exponential Family. 2019",
        "K18": "Khan et al.: Fast and Scalable Bayesian Deep Learning by Weight-Perturbation in "
        "Adam. ICML 2018",
        "W25": "Williams et al.: Differential Parameter Inference in Exponential Family using Time "
        "Score Matching. AISTATS 2025",
    }
)


@dataclass(frozen=True)
class Figure:
    """What one validation case measured: its largest error as a share of its tolerance."""

    case: str
    oracle: str
    quantity: str
    error: float
    tolerance: float


@dataclass(frozen=True)
class Entry:
    """A label with its formula, its code and its evidence.

    Attributes
    ----------
    label : str
    statement : str
        The formula in one line.
    source : str
        Key of :data:`SOURCES`.
    place : str
        ``module:function`` of the literal equation.
    code : str
        Source text of that function.
    fast : tuple of str
        Full names of the public objects that compute it.
    laws : tuple of str
        Names of the laws that test it.
    evidence : tuple of Figure
        What the validation measured.
    """

    label: str
    statement: str
    source: str
    place: str
    code: str
    fast: tuple[str, ...]
    laws: tuple[str, ...]
    evidence: tuple[Figure, ...]


def entry(label: str) -> Entry:
    """Return everything about a label of :data:`ingd_ref.equations.LABELS`."""
    function = LABELS[label]
    text, source = statement(label)
    place = f"{function.__module__}:{function.__name__}"
    fast, laws, evidence = _fast_forms(), _laws(), _evidence()
    return Entry(
        *(label, text, source, place, _code(label)),
        fast=tuple(fast.get(label, ())),
        laws=tuple(laws.get(label, ())),
        evidence=tuple(evidence.get(label, ())),
    )


def _code(label: str) -> str:
    """Return the source of a label's function, then of others whose docstrings name the label."""
    home = LABELS[label].__module__
    things = vars(importlib.import_module(home)).values()
    functions = [
        thing
        for thing in things
        if inspect.isfunction(thing)
        and thing.__module__ == home
        and label in labels_in(thing.__doc__ or "")
    ]
    functions.sort(key=lambda function: function.__name__ != LABELS[label].__name__)
    return "\n\n".join(map(inspect.getsource, functions))


def statement(label: str) -> tuple[str, str]:
    """Return the formula of a label in one line, and the key of its source."""
    first = (LABELS[label].__doc__ or "").splitlines()[0]
    found = re.fullmatch(r"\(\w+′?\) (.+) \[(\w+)\]\.", first)
    assert found, f"the docstring of {label} must read '({label}) formula [source].', not {first!r}"
    return found[1], found[2]


def labels_in(text: str, ranges: bool = True) -> list[str]:
    """Return the labels that a text names, each once, in order of appearance.

    >>> labels_in("as in (K3) and (N3′); equations (E1)-(E3)")
    ['K3', 'N3′', 'E1', 'E2', 'E3']
    >>> labels_in("equations (E1)-(E3)", ranges=False)
    ['E1', 'E3']
    """
    found = {match.start(): [match[1]] for match in LABEL.finditer(text)}
    for match in RANGE.finditer(text) if ranges else ():
        numbers = range(int(match[2]), int(match[3]) + 1)
        found[match.start()] = [f"{match[1]}{number}" for number in numbers]
    return list(dict.fromkeys(label for _, labels in sorted(found.items()) for label in labels))


@cache
def public_modules() -> tuple[str, ...]:
    """Return the public modules that have an ``__all__``."""
    root = importlib.import_module(PACKAGE)
    found = [PACKAGE]
    for module in pkgutil.walk_packages(root.__path__, f"{PACKAGE}."):
        parts = module.name.split(".")
        if parts[1] != "cli" and not any(part.startswith("_") for part in parts):
            found += [module.name] if getattr(_imported(module.name), "__all__", ()) else []
    return tuple(sorted(found))


def _imported(name: str) -> ModuleType | None:
    """Import a module, unless it needs a library that is not installed, as the CUDA kernels do."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == PACKAGE:
            raise
        return None


@cache
def _fast_forms() -> dict[str, list[str]]:
    """Return the full names of public objects by the labels that their docstrings spell out.

    A label further down in a docstring is a reference, unless no object names it at the top.
    """
    found: dict[bool, dict[str, list[str]]] = {True: {}, False: {}}
    seen: set[int] = set()
    for module in public_modules():
        for name, thing in _offered(module):
            if id(thing) not in seen:
                seen.add(id(thing))
                text = inspect.cleandoc(thing.__doc__ or "")
                top = labels_in("\n".join(TOP.findall(text)), ranges=False)
                for label in labels_in(text, ranges=False):
                    found[label in top].setdefault(label, []).append(name)
    return found[False] | found[True]


def _offered(module: str) -> Iterator[tuple[str, Any]]:
    """Yield the public functions, classes and methods of a module, by full name."""
    home = importlib.import_module(module)
    for name in home.__all__ if module.partition(".")[2].split(".")[0] in COMPUTING else ():
        thing = getattr(home, name)
        if inspect.isclass(thing) or inspect.isroutine(thing):
            yield f"{module}.{name}", thing
        for member, attribute in vars(thing).items() if inspect.isclass(thing) else ():
            function = getattr(attribute, "fget", getattr(attribute, "func", attribute))
            if inspect.isfunction(function) and (member == "__call__" or member[0] != "_"):
                yield f"{module}.{name}.{member}", function


@cache
def _laws() -> dict[str, list[str]]:
    """Return the names of the laws by the labels that their statements name."""
    found: dict[str, list[str]] = {}
    for name, law in importlib.import_module(f"{PACKAGE}.conformance").LAWS.items():
        for label in labels_in(law.statement):
            found.setdefault(label, []).append(name)
    return found


@cache
def _evidence() -> dict[str, list[Figure]]:
    """Return what the validation cases measured, by label."""
    stored = json.loads((files(PACKAGE) / EVIDENCE).read_text(encoding="utf-8"))
    found: dict[str, list[Figure]] = {}
    for name, case in stored["cases"].items():
        figure = Figure(name, case["oracle"], case["quantity"], case["error"], case["tolerance"])
        for label in case["labels"]:
            found.setdefault(label, []).append(figure)
    return found
