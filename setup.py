"""Builds the native core as an optional extension; everything else stands in pyproject.toml.

Where there is no GCC or Clang, or the build fails, the installation goes on without it and the torch trainer
does the work. The core is a plain C library: it uses nothing of Python, and ctypes loads it, so that one wheel of a
platform is for every Python. For a platform that pyproject.toml lists (`bdist_wheel --plat-name`) Zig compiles it, on
whatever machine this is, and no wheel is made where that fails.
"""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError
from setuptools.modified import newer_group

NATIVE = Path("src/native")
# Contraction off: products and sums are fused where the source says so and nowhere else. Loops are unrolled where the
# source says so, too: with -O3 the same speed takes half as long again to compile.
FLAGS = ["-std=c++17", "-O2", "-fvisibility=hidden", "-ffp-contract=off", "-fno-math-errno"]
FLAGS += ["-fno-exceptions", "-fno-rtti", "-g0", "-w"]
# The vectors that are taken only where they are asked for: compiled in half of the time.
PLAIN_FLAGS = {"core_portable.cpp": ["-O1"]}
X86_FLAGS = {
    "core_avx2.cpp": ["-mavx2", "-mfma"],
    "core_avx512.cpp": ["-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"],
}
ZIG_TARGETS = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["tool"]["shoal"]["wheels"]
SUFFIXES = {"win": ".dll", "mac": ".dylib"}  # of a platform that begins so; `.so` of others


def flags_of(source: Path, platform: str) -> list[str]:
    """Give what the compiler is told for one file; a Python of two processors on a Mac builds both at once."""
    flags, own = FLAGS + PLAIN_FLAGS.get(source.name, []), X86_FLAGS.get(source.name, [])
    if "universal2" in platform:
        return flags + [part for flag in own for part in ("-Xarch_x86_64", flag)]
    return flags + (own if any(name in platform for name in ("x86_64", "amd64")) else [])


class BuildCore(build_ext):
    """Compiles each file of the core with its own flags, all processors at work."""

    @property
    def platform(self) -> str:
        """The platform of the wheel that is being built, or else of this Python."""
        return self.get_finalized_command("bdist_wheel").plat_name

    def get_ext_filename(self, fullname: str) -> str:
        """Name the library without a version of Python."""
        return str(Path(*fullname.split("."))) + SUFFIXES.get(self.platform[:3], ".so")

    def build_extension(self, ext: Extension) -> None:
        """Compile and link; take the library beside the modules where it is newer than its sources."""
        path, target = Path(self.get_ext_fullpath(ext.name)), ZIG_TARGETS.get(self.platform)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path("src", self.get_ext_filename(ext.name))
        if target:
            ext.optional = False
            zig = [sys.executable, "-m", "ziglang", "c++", "-target", target]
            self.compiler.set_executables(compiler_cxx=zig, compiler_so_cxx=[*zig, "-fPIC"])
            self.compiler.set_executables(linker_exe_cxx=zig, linker_so_cxx=[*zig, "-shared", "-s"])
        elif not (self.force or newer_group([*ext.sources, *ext.depends, "setup.py"], beside)):
            shutil.copy2(beside, path)
            return
        if self.compiler.compiler_type != "unix":
            raise CompileError("the native core needs GCC or Clang")
        Path(self.build_temp, NATIVE).mkdir(parents=True, exist_ok=True)
        # One more than there are processors: none waits for the last long file.
        with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as threads:
            objects = list(threads.map(self.compile_file, ext.sources))
        self.compiler.link_shared_object(objects, str(path), target_lang="c++")

    def compile_file(self, source: str) -> str:
        """Give the object of one file."""
        flags = flags_of(Path(source), self.platform)
        return self.compiler.compile([source], output_dir=self.build_temp, extra_postargs=flags)[0]

    def copy_extensions_to_source(self) -> None:
        """Put the library beside the modules, in place of any that an older build left there."""
        for old in Path("src/shoal").glob("_core.*"):
            old.unlink()
        super().copy_extensions_to_source()


class WheelOfPlatform(bdist_wheel):
    """Marks a wheel for any Python of its platform."""

    def get_tag(self) -> tuple[str, str, str]:
        """Give the three parts of the tag."""
        return "py3", "none", super().get_tag()[2]


setup(
    cmdclass={"build_ext": BuildCore, "bdist_wheel": WheelOfPlatform},
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
