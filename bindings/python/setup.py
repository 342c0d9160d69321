"""Only what pyproject.toml cannot say: the wheel holds machine code, and fits every Python 3 of its platform."""

from __future__ import annotations

import os

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class _Wheel(bdist_wheel):
    """Tags the wheel as py3-none-PLATFORM; ``LLMAGG_WHEEL_PLATFORM`` overrides this machine's."""

    def finalize_options(self) -> None:
        self.plat_name = self.plat_name or os.environ.get("LLMAGG_WHEEL_PLATFORM")
        super().finalize_options()

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


class _WithLibrary(Distribution):
    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"bdist_wheel": _Wheel}, distclass=_WithLibrary)
