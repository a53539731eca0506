"""Debian packages: fetched into a cache, unpacked beside it, never installed."""

import pathlib
import re
import shutil
import subprocess
import sys


def _run(*command: str, cwd: pathlib.Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"build-image: {' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def wanted_by(file: pathlib.Path) -> list[str]:
    """The names in an image-packages.txt, one a line."""
    return [line for line in file.read_text().splitlines() if not line.startswith("#")]


class Packages:
    """The cache keeps what it has, so that equal caches give equal images; `update` asks the archive anew."""

    def __init__(self, cache: pathlib.Path, update: bool) -> None:
        self._cache = cache
        self._update = update
        self._roots: dict[str, pathlib.Path] = {}
        self._versions: dict[str, str] = {}

    def provide(self, names: list[str]) -> None:
        """Makes each package's files available; of a metapackage of a kernel, the kernel's as well."""
        self._cache.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(names, start=1):
            print(f"build-image: package {number} of {len(names)}: {name}", flush=True)
            deb = self._unpacked(name)
            kernel = re.match(r"linux-image-\d\S*", _run("dpkg-deb", "-f", str(deb), "Depends"))
            if kernel:
                self._unpacked(kernel.group())
                self._roots[name] = self._roots[kernel.group()]

    def root(self, name: str) -> pathlib.Path:
        return self._roots[name]

    def roots(self) -> list[pathlib.Path]:
        return list(self._roots.values())

    def versions(self) -> str:
        return "".join(f"{name} {version}\n" for name, version in sorted(self._versions.items()))

    def _unpacked(self, name: str) -> pathlib.Path:
        deb = self._fetched(name)
        root = self._cache / "unpacked" / deb.stem
        if not root.exists():
            partial = root.with_name(root.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            _run("dpkg-deb", "-x", str(deb), str(partial))
            partial.rename(root)
        self._roots[name] = root
        self._versions[name] = _run("dpkg-deb", "-f", str(deb), "Version").strip()
        return deb

    def _fetched(self, name: str) -> pathlib.Path:
        present = sorted(self._cache.glob(name + "_*.deb"))
        if present and not self._update:
            return present[-1]
        before = set(present)
        _run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", name, cwd=self._cache)
        fetched = set(self._cache.glob(name + "_*.deb"))
        for outdated in before if fetched - before else ():
            outdated.unlink()
        return sorted(self._cache.glob(name + "_*.deb"))[-1]
