"""Run the scripts in ``gallery/``, and make a page of each with its text, code, output and figures.

A script is an ordinary program: it prints, and saves PNG files in the working directory. A script
that fails stops the build. Results are cached until the script, the package or NumPy changes.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from api_pages import write_if_changed
from sphinx.errors import ExtensionError
from sphinx.util.display import status_iterator

# The slowest script takes about ten seconds on two cores; this limit only stops scripts that hang.
TIME_LIMIT = 300.0


@dataclass(frozen=True)
class Script:
    """The parts of a gallery script."""

    path: Path
    title: str
    text: str
    code: str

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def summary(self) -> str:
        """The first paragraph of the text."""
        return " ".join(self.text.split("\n\n")[0].split())


def read_script(path: Path) -> Script:
    """Split a script into title, text (the rest of its docstring, in MyST) and code."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    docstring = ast.get_docstring(tree)
    if docstring is None or "\n\n" not in docstring:
        raise ExtensionError(
            f"{path.name} needs a docstring: a title, an empty line, and what the example shows"
        )
    title, text = docstring.split("\n\n", 1)
    code = "\n".join(source.splitlines()[tree.body[0].end_lineno :]).strip("\n")
    return Script(path, title.rstrip("."), text, code)


def run_script(script: Script, folder: Path, root: Path, limit: float = TIME_LIMIT) -> str:
    """Run a script in ``folder``, where it saves its figures, and return its output."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]),
        "PYTHONIOENCODING": "utf-8",
    }
    try:
        done = subprocess.run(
            [sys.executable, str(script.path)],
            cwd=folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ExtensionError(
            f"gallery script {script.path.name} did not end within {limit:.0f} s"
        ) from error
    if done.returncode != 0:
        raise ExtensionError(f"gallery script {script.path.name} failed:\n{done.stderr}")
    return done.stdout


def fresh_result(script: Script, folder: Path, root: Path, package: str) -> dict:
    """Return output and figures of a script, from the cache if nothing has changed."""
    digest = hashlib.sha256(
        (script.path.read_text(encoding="utf-8") + package).encode()
    ).hexdigest()
    record = folder / f"{script.name}.json"
    if record.exists():
        known = json.loads(record.read_text(encoding="utf-8"))
        if known["digest"] == digest and all(
            (folder / figure).exists() for figure in known["figures"]
        ):
            return known
    with tempfile.TemporaryDirectory() as scratch:
        output = run_script(script, Path(scratch), root)
        figures = []
        for picture in sorted(Path(scratch).glob("*.png")):
            figures.append(f"{script.name}-{picture.name}")
            shutil.copyfile(picture, folder / figures[-1])
    result = {"digest": digest, "output": output, "figures": figures}
    record.write_text(json.dumps(result), encoding="utf-8")
    return result


def package_digest(root: Path) -> str:
    """Return a digest of the sources of the package and of the version of NumPy."""
    digest = hashlib.sha256(np.__version__.encode())
    for source in sorted((root / "ingd_ref").rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def script_page(script: Script, result: dict) -> str:
    """Return the page of a script."""
    parts = [f"# {script.title}", script.text]
    for figure in result["figures"]:
        options = f":alt: Figure of the example “{script.title}”\n:class: gallery-figure"
        parts.append(f"```{{image}} {figure}\n{options}\n```")
    if result["output"].strip():
        parts.append(f"Output:\n\n```text\n{result['output'].rstrip()}\n```")
    parts.append(f"The script `docs/gallery/{script.path.name}`:\n\n```python\n{script.code}\n```")
    return "\n\n".join(parts) + "\n"


def index_page(scripts: list[Script], results: dict[str, dict]) -> str:
    """Return the overview with a card for each script."""
    cards = []
    for script in scripts:
        pictures = results[script.name]["figures"]
        options = f":alt: {script.title}\n:target: {script.name}.html"
        thumb = f"```{{image}} {pictures[0]}\n{options}\n```\n\n" if pictures else ""
        text = f"{thumb}**[{script.title}]({script.name}.md)**\n\n{script.summary}"
        cards.append(f"::::{{container}} gallery-card\n\n{text}\n\n::::")
    listing = "\n".join(script.name for script in scripts)
    intro = (
        "Each example is one script that runs in seconds. The scripts run when the documentation\n"
        "is built, so numbers and figures are those of the present code."
    )
    return (
        f"# Gallery\n\n{intro}\n\n:::::{{container}} gallery\n\n"
        + "\n\n".join(cards)
        + f"\n\n:::::\n\n```{{toctree}}\n:hidden:\n\n{listing}\n```\n"
    )


def _write_gallery(app):
    source, root = Path(app.srcdir) / "gallery", Path(app.srcdir).parent
    folder = Path(app.srcdir) / "_generated" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    scripts = [read_script(path) for path in sorted(source.glob("*.py"))]
    package = package_digest(root)
    results = {
        script.name: fresh_result(script, folder, root, package)
        for script in status_iterator(
            scripts,
            "running gallery... ",
            length=len(scripts),
            stringify_func=lambda script: script.name,
        )
    }
    pages = {
        "index.md": index_page(scripts, results),
        **{f"{script.name}.md": script_page(script, results[script.name]) for script in scripts},
    }
    for name, text in pages.items():
        write_if_changed(folder / name, text)
    for stale in set(folder.glob("*.md")) - {folder / name for name in pages}:
        stale.unlink()


def setup(app):
    app.connect("builder-inited", _write_gallery)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
