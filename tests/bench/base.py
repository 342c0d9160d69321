"""A commit's package beside the working tree's, for the pairs that `make bench BASE=COMMIT` measures.

Both are made by the same commands, each into a folder of its own, which PYTHONPATH puts before the package of the virtual
environment; all else is the virtual environment's. A commit's folder is kept, by the commit's id: build/bench/packages/ID.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BEFORE, HERE = "before", "here"


def commit(name: str) -> str:
    """The id of the commit that has the name."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", "--short=12", f"{name}^{{commit}}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(
            f"bench: BASE is {name!r}, and git knows no such commit; expected an id, a branch or a tag of this repository"
        )
    return done.stdout.strip()


def packages(before: str, library: Path, build: Path, python: Path) -> dict[str, Path]:
    """The folders of both packages, made anew where that is needed. ``library`` is the working tree's."""
    folders = {BEFORE: build / "packages" / before, HERE: build / "packages" / "working-tree"}
    if not _complete(folders[BEFORE]).exists():
        print(f"bench: building commit {before}", file=sys.stderr, flush=True)
        folders[BEFORE].parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="source-", dir=folders[BEFORE].parent) as scratch:
            source = Path(scratch)
            archive = subprocess.run(["git", "-C", str(ROOT), "archive", before], stdout=subprocess.PIPE, check=True)
            subprocess.run(["tar", "-x", "-C", scratch], input=archive.stdout, check=True)
            # The flags of the make that called are about its own folders.
            env = {name: text for name, text in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
            subprocess.run(["make", "-C", scratch, "lib", "BUILD=build"], env=env, stdout=sys.stderr, check=True)
            _install(source, source / "build" / library.name, folders[BEFORE], python)
    _install(ROOT, library, folders[HERE], python)
    return folders


def _complete(folder: Path) -> Path:
    """The file that a folder has when all of the package is in it."""
    return folder / ".complete"


def _install(source: Path, library: Path, folder: Path, python: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-build-isolation", "--no-deps"]
    env = {**os.environ, "LLMAGG_PREBUILT_LIBRARY": str(library)}
    subprocess.run([*pip, "--target", str(folder), str(source / "bindings" / "python")], env=env, check=True)
    _complete(folder).touch()
