"""Families are found by the presence of their file, load when they are first used, and propose
their own examples.
"""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.families import Constraint, ExponentialFamily, Parameter
from ingd_ref.families._discovery import all_families, family_classes
from ingd_ref.families._examples import guessed_parameters

FILES = sorted(
    p.stem for p in Path(ir.families.__file__).parent.glob("*.py") if not p.stem.startswith("_")
)


def test_every_public_file_is_a_home_of_families() -> None:
    for name in FILES:
        module = importlib.import_module(f"ingd_ref.families.{name}")
        for public in module.__all__:
            assert getattr(ir.families, public) is getattr(module, public)
            assert public in ir.families.__all__
            assert public in dir(ir.families)


def test_a_new_file_is_all_that_a_family_takes(tmp_path: Path) -> None:
    """A copy of the package with one more file finds the class in it."""
    package = tmp_path / "ingd_ref"
    root = Path(ir.__file__).parent
    for source in root.rglob("*.py"):
        target = package / source.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    text = (package / "families" / "gamma.py").read_text(encoding="utf-8")
    (package / "families" / "newcomer.py").write_text(
        text.replace("Gamma(", "NewFamily(").replace('"Gamma"', '"NewFamily"'), encoding="utf-8"
    )
    program = (
        "import ingd_ref as ir; from ingd_ref.families._discovery import all_families; "
        "assert ir.families.NewFamily() in all_families(); "
        "print(ir.families.NewFamily.__module__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "ingd_ref.families.newcomer"


def test_a_family_loads_alone() -> None:
    program = (
        "import sys, ingd_ref.families as f; f.Poisson; print(*sorted(m for m "
        "in sys.modules if m.startswith('ingd_ref.families.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert [m for m in done.stdout.split() if "._" not in m] == ["ingd_ref.families.poisson"]


def test_names_that_nothing_offers() -> None:
    with pytest.raises(
        AttributeError, match=r"module 'ingd_ref\.families' has no attribute 'Nonesuch'"
    ):
        _ = ir.families.Nonesuch
    with pytest.raises(AttributeError, match="has no attribute '_private'"):
        _ = ir.families._private


def test_every_class_proposes_examples() -> None:
    families = all_families()
    assert {type(family) for family in families} == set(family_classes())
    assert len(set(families)) == len(families)
    for family in families:
        assert isinstance(family, ExponentialFamily)
        theta = family.natural(**family.example_parameters())
        assert theta.shape[0] >= 2
        assert theta.shape[1:] == (family.number,)
        assert len(np.unique(theta, axis=0)) >= 2


def test_guesses_keep_constraints() -> None:
    simplex = Constraint(
        "on the simplex", lambda xp, p: (xp.sum(p, axis=-1) == 1) & xp.all(p > 0, axis=-1)
    )
    definite = Constraint("positive definite", lambda xp, m: xp.linalg.eigvalsh(m)[..., 0] > 0)
    fraction = Constraint("below one", lambda xp, p: (p > 0) & (p < 1))
    parameters = (
        Parameter("p", simplex, (2,)),
        Parameter("covariance", definite, (3, 3)),
        Parameter("fraction", fraction),
    )
    guessed = guessed_parameters("Example", parameters)
    assert {name: value.shape for name, value in guessed.items()} == {
        "p": (4, 2),
        "covariance": (4, 3, 3),
        "fraction": (4,),
    }
    with pytest.raises(TypeError, match="Example must override example_parameters"):
        guessed_parameters(
            "Example", (Parameter("odd", Constraint("seven", lambda xp, value: value == 7)),)
        )


def test_type_checkers_know_every_family() -> None:
    source = Path(ir.families.__file__).read_text(encoding="utf-8")
    listed = set(re.findall(r"\b(\w+) as \1\b", source))
    assert listed == {family.__name__ for family in family_classes()}
