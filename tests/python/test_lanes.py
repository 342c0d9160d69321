"""The summary of ``make test`` and ``make check-deep`` says what was skipped inside of their targets, and why."""

# ruff: noqa: RUF001 - the summary has signs of multiplication

from __future__ import annotations

import subprocess
from pathlib import Path

LANES = Path(__file__).parents[1] / "lanes.sh"
PRINTED = """
SKIP  core/internal/setting
PASS  core/meter (198ms)

=== Skipped
=== SKIP: core/meter TestTheText (0.00s)
    meter_test.go:62: promtool is not installed (Debian's package prometheus)

=== SKIP: tests/contract TestContract/c/accept_asked (0.00s)
    contract_test.go:140: not in this door: Go only

=== SKIP: tests/contract TestContract/python/accept_asked (0.00s)
    contract_test.go:140: not in this door: Go only

=== SKIP: core/client TestTheChild (0.00s)
    stopped_test.go:83: only as the child of TestAStoppedProcessLosesNothing

=== SKIP: core/zz TestSilent (0.00s)

DONE 12 tests, 5 skipped in 0.006s
SKIPPED [2] tests/python/test_page.py:30: no browser
ok CMake # skipped: cmake is not installed (Debian: apt-get install cmake)
"""
TOLD = """skipped inside these:
  part: 2 × tests/python/test_page.py:30: no browser
  part: 1 × CMake: cmake is not installed (Debian: apt-get install cmake)
  part: 1 × core/meter TestTheText: promtool is not installed (Debian's package prometheus)
  part: 2 × tests/contract TestContract/c/accept_asked and others: not in this door: Go only
  part: 1 × core/zz TestSilent: no reason is told
1 passed, 0 failed, 0 not checked here
"""


def test_what_was_skipped_is_told_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "printed").write_text(PRINTED, "utf-8")
    make = tmp_path / "make"
    make.write_text(f"#!/bin/sh\ncat {tmp_path}/printed\n", "utf-8")
    make.chmod(0o755)
    done = subprocess.run(
        ["sh", str(LANES), "test", "part"], env={"PATH": "/usr/bin:/bin", "MAKE": str(make), "BUILD": str(tmp_path)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(TOLD)
