"""Only what pyproject.toml cannot say: the wheel holds machine code, and fits every Python 3 of its platform."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class _Wheel(bdist_wheel):
    """Tags the wheel as py3-none-PLATFORM; ``LLMAGG_WHEEL_PLATFORM`` overrides this machine's.

    ``LLMAGG_SBOM`` names a bill of materials of the library, which goes where PEP 770 wants it.
    """

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", os.environ.get("LLMAGG_WHEEL_PLATFORM") or super().get_tag()[2]

    def egg2dist(self, egginfo_path: str, distinfo_path: str) -> None:
        super().egg2dist(egginfo_path, distinfo_path)
        if bill := os.environ.get("LLMAGG_SBOM"):
            place = Path(distinfo_path) / "sboms"
            place.mkdir()
            shutil.copy(bill, place)


class _WithLibrary(Distribution):
    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"bdist_wheel": _Wheel}, distclass=_WithLibrary)
