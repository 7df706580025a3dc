"""README and the code map match the code, and the prose check finds what its style lists."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ingd_ref.equations import particles

ROOT = Path(__file__).parents[2]

# Words of tools/prose.toml, apart from the text so that the check of this file does not find them.
BAD, ON = "beside", "on"


def complaints(path, text):
    pytest.importorskip("proselint", reason="the prose check needs the extra `lint`")
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, ROOT / "tools" / "prose.py", path]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == bool(ran.stdout), ran.stderr
    return ran.stdout.splitlines()


def test_a_phrase_over_two_lines_of_a_page_is_found(tmp_path):
    text = f"# Title\n\nA run goes\n{ON}, and `{BAD}` is code.\n\n```console\n$ {BAD}\n```\n"
    (line,) = complaints(tmp_path / "page.md", text)
    assert line.endswith(f"page.md:3: write 'continues' instead of 'goes {ON}'.")


def test_docstrings_comments_and_messages_of_a_module_are_read(tmp_path):
    module = [
        '"""A summary.',
        "",
        f">>> {BAD} = 1",
        "",
        f'The result {BAD} a table."""',
        "",
        f"{BAD} = 1  # {BAD} the loop",
        f'raise ValueError(f"{{x}} {BAD} the end")',
    ]
    lines = complaints(tmp_path / "module.py", "\n".join(module))
    assert [line.split(":")[1] for line in lines] == ["5", "7", "8"]


def test_plain_prose_passes(tmp_path):
    assert complaints(tmp_path / "page.md", "The command lists its options.\n") == []


# --- what the pages say about the code ------------------------------------------------------------


def test_readme_shows_the_source_of_its_equation():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for function in (particles.coefficients, particles.gram):
        assert inspect.getsource(function) in readme


def test_the_code_map_has_a_paragraph_for_each_folder():
    page = (ROOT / "docs" / "code_map.md").read_text(encoding="utf-8")
    folders = {path.parent.name for path in (ROOT / "ingd_ref").glob("*/__init__.py")}
    assert folders <= set(re.findall(r"`(\w+)/`", page))
