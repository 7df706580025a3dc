"""The checklists in CONTRIBUTING.md, followed to the letter on a copy of the package.

A new kernel, new features, a flow, a metric, a family or an experiment takes the file and the line
in an index that its list shows, and is then tested by every law that applies.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("ingd_ref", "tests", "validation", "setup.cfg", "pyproject.toml")
STEP = re.compile(r"^\d\. ([^\n]*):\n\n((?:   [^\n]*\n|\n)+)", re.MULTILINE)


class Checklist(NamedTuple):
    """What a list says: the file, its index and the line there, and the command that judges."""

    file: str
    code: str
    index: str | None
    line: str
    command: list[str]


def checklists():
    """Read the lists by their titles."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (chapter,) = re.findall(r"^## Checklists\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    sections = re.findall(r"^### ([^\n]*)\n(.*?)(?=^### |\Z)", chapter, re.MULTILINE | re.DOTALL)
    return {title: read(text) for title, text in sections}


def read(text):
    steps = [(words, block(body)) for words, body in STEP.findall(text)]
    (file,) = re.findall(r"`([^`]*)`", steps[0][0])
    index = re.findall(r"`([^`]*\.py)`", steps[1][0])
    command = shlex.split(steps[-1][1].removeprefix("$ "))
    return Checklist(
        file, steps[0][1], *((index[0], steps[1][1]) if index else (None, "")), command
    )


def block(body):
    """Return what a fenced block holds."""
    return textwrap.dedent(body).strip().split("\n", 1)[1].removesuffix("```").rstrip() + "\n"


def follow(checklist, root):
    """Write the file and the line in the index; return the files that were touched."""
    assert not (root / checklist.file).exists()
    (root / checklist.file).write_text(checklist.code, encoding="utf-8")
    if checklist.index is None:
        return [checklist.file]
    page = (root / checklist.index).read_text(encoding="utf-8")
    line = checklist.line.strip()
    if line.startswith("from "):
        name = line.rsplit(" ", 1)[1]
        page = page.replace("__all__ = [", f'{line}\n\n__all__ = [\n    "{name}",', 1)
    else:
        page = page.replace("MODULES = [", f"MODULES = [\n    {line}", 1)
    assert page.count(line) == 1
    (root / checklist.index).write_text(page, encoding="utf-8")
    return [checklist.file, checklist.index]


@pytest.fixture
def copy(tmp_path):
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            skipped = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
            shutil.copytree(source, tmp_path / name, ignore=skipped)
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


def run(command, root):
    """Run a command of a list in the copy; return the tests with their outcomes."""
    assert command[0] == "python"
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, *command[1:], "-v", "-n0", "-p", "no:cacheprovider"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return re.findall(r"::(\S[^\n]*?) (PASSED|FAILED|SKIPPED)", done.stdout)


LISTS = checklists()


@pytest.mark.parametrize("title", LISTS)
def test_a_list_takes_at_most_two_files_and_its_subject_is_judged(title, copy):
    checklist = LISTS[title]
    assert len(follow(checklist, copy)) <= 2
    tested = {test for test, outcome in run(checklist.command, copy) if outcome == "PASSED"}
    new = checklist.command[-1]
    like = {test.replace(LIKE[title], new) for test in collected(checklist.command, LIKE[title])}
    assert tested == like != set()


def collected(command, subject):
    """Return the tests that judge what the package has already."""
    listed = subprocess.run(
        [sys.executable, *command[1:-1], subject, "--collect-only", "-q"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return re.findall(r"::(\S[^\n]*)", listed.stdout)


#: Something of the package that the same laws judge.
LIKE = {
    "A kernel": "gradient-matern52",
    "Features (sufficient statistics)": "polynomial",
    "A flow": "EnergyFlow",
    "A metric": "energy_distance",
    "A family": "Maxwell",
    "An experiment": "elbo-flow",
}


def test_there_is_a_list_for_everything_that_grows():
    assert list(LISTS) == list(LIKE)
