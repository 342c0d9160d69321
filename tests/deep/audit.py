"""Asks the advisory databases about everything that is built in or installed beside us.

``audit.py govulncheck|pip-audit|withdrawn``. The status is 0 when all is clean, 1 when something was found, and 75
(EX_TEMPFAIL) when the database could not be asked: that is said, never taken as clean.

``withdrawn`` needs no advisory database, only the registries: it finds versions that their own authors have withdrawn
(retracted or deprecated Go modules, yanked Python packages).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

NOT_CHECKED = 75
GOVULNCHECK = "golang.org/x/vuln/cmd/govulncheck@v1.9.0"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def not_checked(what: str, reason: str) -> int:
    print(f"{what}: NOT CHECKED, its database could not be asked: {reason.strip()}")
    return NOT_CHECKED


def govulncheck(go: str, database: str) -> int:
    """Go modules and the standard library, as far as our code calls them. Its status 3 means: found."""
    ran = run(go, "run", GOVULNCHECK, *(["-db", database] if database else []), "./...")
    print(ran.stdout, end="")
    # "go run" turns every status but 0 into 1, so the text tells a finding from a failure.
    if ran.returncode == 0:
        print("govulncheck: clean")
        return 0
    if "Vulnerability #" in ran.stdout:
        return 1
    return not_checked("govulncheck", ran.stderr or ran.stdout)


def pip_audit(tools: Path, site_packages: Path) -> int:
    """Everything that is installed in the environment of the tests, what users install among it."""
    if not (tools / "bin" / "pip-audit").exists():
        made = run(sys.executable, "-m", "venv", str(tools))
        made = made if made.returncode else run(str(tools / "bin" / "pip"), "install", "-q", "pip-audit>=2.9,<3")
        if made.returncode:
            print(made.stdout, made.stderr)
            return 1
    ran = run(
        str(tools / "bin" / "pip-audit"), "--format", "json", "--progress-spinner", "off", "--path", str(site_packages)
    )
    try:
        dependencies: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        return not_checked("pip-audit", ran.stderr or ran.stdout)
    asked = [d for d in dependencies if d["name"] != "llmagg"]  # ourselves
    found = [d for d in asked if d.get("vulns")]
    for d in found:
        for vulnerability in d["vulns"]:
            print(f"{d['name']} {d['version']}: {vulnerability['id']} {', '.join(vulnerability.get('aliases', []))}")
    skipped = [d for d in asked if "skip_reason" in d]
    print(f"pip-audit: {len(asked)} packages, {len(found)} with advisories, {len(skipped)} without an answer")
    if found:
        return 1
    if skipped or not asked:
        reasons = "; ".join(sorted(d["skip_reason"] for d in skipped)[:3]) or "nothing is installed"
        return not_checked("pip-audit", f"{reasons}{' …' if len(skipped) > 3 else ''}")
    return 0


def withdrawn(go: str, site_packages: Path) -> int:
    """Versions whose authors took them back, as the registries tell."""
    listed = run(go, "list", "-m", "-u", "-retracted", "-json=Path,Version,Main,Retracted,Deprecated", "all")
    if listed.returncode:
        return not_checked("withdrawn Go modules", listed.stderr)
    decoder, rest, modules = json.JSONDecoder(), listed.stdout.lstrip(), []
    while rest:
        module, end = decoder.raw_decode(rest)
        modules.append(module)
        rest = rest[end:].lstrip()
    found = [f"{m['Path']} {m['Version']}: {m.get('Retracted') or m['Deprecated']}"
             for m in modules if m.get("Retracted") or m.get("Deprecated")]  # fmt: skip
    frozen = run(sys.executable, "-m", "pip", "freeze", "--path", str(site_packages)).stdout.splitlines()
    pinned = [line for line in frozen if "==" in line and not line.startswith("llmagg")]
    tried = run(sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "-q", *pinned)
    if tried.returncode:
        return not_checked("withdrawn Python packages", tried.stderr)
    found += [line.strip() for line in tried.stderr.splitlines() if "yanked" in line]
    for line in found:
        print(line)
    print(f"withdrawn: {len(modules)} Go modules and {len(pinned)} Python packages asked about, {len(found)} withdrawn")
    return 1 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["govulncheck", "pip-audit", "withdrawn"])
    parser.add_argument(
        "--tools", type=Path, default=Path("build/audit"), help="environment that pip-audit is installed into"
    )
    asked = parser.parse_args()
    import sysconfig

    site_packages = Path(sysconfig.get_path("purelib"))
    go = os.environ.get("GO", "go")
    if asked.what == "govulncheck":
        return govulncheck(go, os.environ.get("VULNDB", ""))
    if asked.what == "pip-audit":
        return pip_audit(asked.tools, site_packages)
    return withdrawn(go, site_packages)


if __name__ == "__main__":
    sys.exit(main())
