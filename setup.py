"""Builds the native core as an optional extension; everything else stands in pyproject.toml.

Where there is no GCC or Clang, or the build fails, the installation goes on without it and the torch trainer
does the work. The core is a plain C library: it uses nothing of Python, and ctypes loads it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

NATIVE = Path("src/native")
# Contraction off: products and sums are fused where the source says so and nowhere else.
FLAGS = ["-std=c++17", "-O3", "-fvisibility=hidden", "-ffp-contract=off", "-fno-math-errno"]
FLAGS += ["-fno-exceptions", "-fno-rtti", "-g0", "-w"]
X86_FLAGS = {
    "core_avx2.cpp": ["-mavx2", "-mfma"],
    "core_avx512.cpp": ["-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"],
}


def flags_of(source: Path, x86: bool) -> list[str]:
    """Give what the compiler is told for one file; on a Mac, where two processors are built at once, by processor."""
    own = X86_FLAGS.get(source.name, [])
    if sys.platform == "darwin":
        return FLAGS + [part for flag in own for part in ("-Xarch_x86_64", flag)]
    return FLAGS + (own if x86 else [])


class BuildCore(build_ext):
    """Compiles each file of the core with its own flags."""

    def build_extension(self, ext: Extension) -> None:
        """Compile and link."""
        if self.compiler.compiler_type != "unix":
            raise CompileError("the native core needs GCC or Clang")
        x86 = any(name in self.plat_name for name in ("x86_64", "amd64"))
        objects: list[str] = []
        for source in ext.sources:
            objects += self.compiler.compile(
                [source],
                output_dir=self.build_temp,
                depends=ext.depends,
                extra_postargs=flags_of(Path(source), x86),
            )
        path = Path(self.get_ext_fullpath(ext.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        self.compiler.link_shared_object(objects, str(path), target_lang="c++")


setup(
    cmdclass={"build_ext": BuildCore},
    ext_modules=[
        Extension(
            "shoal._core",
            sources=sorted(str(path) for path in NATIVE.glob("*.cpp")),
            depends=sorted(str(path) for path in NATIVE.glob("*.h")),
            language="c++",
            optional=True,
        )
    ],
)
