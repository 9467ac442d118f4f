"""From a fresh clone to a running site: ``python3 scripts/bootstrap.py run`` (or test, lint, bench, screenshots).

Only the standard library, since nothing else is there yet, and only syntax that an old Python can read, so that it
can say that it is too old.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator  # noqa: UP035  (an old Python must be able to read this file)

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST_PYTHON = (3, 11)
TORCH = "2.13.0"
UV = "0.13.9"
LOCK, DEV_LOCK = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"


class SetupFailed(Exception):
    """A sentence for the person at the terminal."""


def say(text: str) -> None:
    print(text, flush=True)


def call(*argv: object, quiet: bool = False) -> bool:
    """Run one command from the root of the repository; True if it succeeded."""
    sink = subprocess.DEVNULL if quiet else None
    return subprocess.run([str(part) for part in argv], cwd=ROOT, stdout=sink, stderr=sink, check=False).returncode == 0


def pip(*argv: object, quiet: bool = False) -> bool:
    return call(PYTHON, "-m", "pip", "--disable-pip-version-check", *argv, quiet=quiet)


def uv(*argv: object) -> bool:
    return call(VENV / "bin" / "uv", "pip", *argv, "--quiet", "--python", PYTHON)


# --- the virtual environment ---------------------------------------------------------------------------------------
def site_packages() -> Path:
    return VENV / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


def make_venv() -> None:
    """Also repairs one whose making was interrupted, or that an older Python made: pip comes last."""
    if not (site_packages() / "pip").is_dir() and not call(sys.executable, "-m", "venv", VENV):
        raise SetupFailed("The virtual environment could not be made. On Debian or Ubuntu, install python3-venv first.")


def install_torch() -> None:
    """Before everything else, and by its own rules: docs/decisions/0001-torch-first-then-the-lock.md."""
    if any(site_packages().glob(f"torch-{TORCH}*.dist-info")):
        return
    say(f"  torch {TORCH}: a large package, once")
    wanted = os.environ.get("TORCH_INDEX", "")
    if wanted:
        done = torch_from(wanted)
    else:
        done = (wants_cpu_build() and torch_from("cpu")) or pip("install", "-qq", f"torch=={TORCH}", "-c", LOCK)
    if not done:
        raise SetupFailed(f"torch {TORCH} could not be installed. Is there a network? TORCH_INDEX chooses its source.")


def torch_from(source: str) -> bool:
    """``source``: the address of an index, or a name that uv knows (cpu, cu130, auto)."""
    if "://" in source:
        return pip("install", "-qq", f"torch=={TORCH}", "-c", LOCK, "--index-url", source)
    return uv("install", f"torch=={TORCH}", "-c", LOCK, "--torch-backend", source)


def wants_cpu_build() -> bool:
    """On Linux the default build carries gigabytes of CUDA: of no use without a GPU, or if a wheel lies on disk."""
    if not sys.platform.startswith("linux") or shutil.which("nvidia-smi"):
        return False
    on_disk = pip("install", "--dry-run", "--no-deps", "--no-index", "-qq", f"torch=={TORCH}", quiet=True)
    return not on_disk


def install_locked(*locks: Path) -> None:
    files = [part for lock in locks for part in ("-r", lock)]
    if not (uv("install", *files) or pip("install", "-qq", *files)):
        raise SetupFailed(
            "The locked packages could not be installed. Is there a network, and a C++ compiler (g++, python3-dev)?"
        )


# --- once per change of the lock files -----------------------------------------------------------------------------
def fingerprint(*locks: Path) -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]} {TORCH} {UV}".encode())
    for lock in locks:
        digest.update(lock.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two terminals may start at once; the second waits and then finds the work done."""
    VENV.mkdir(exist_ok=True)
    with (VENV / ".setup-lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def set_up(*, dev: bool) -> None:
    """Make the virtual environment hold what the lock files say. Seconds where it already does."""
    locks = (LOCK, DEV_LOCK) if dev else (LOCK,)
    stamp = VENV / (".installed-dev" if dev else ".installed")
    with one_at_a_time():
        if stamp.exists() and stamp.read_text() == fingerprint(*locks) and PYTHON.exists():
            return
        started = time.monotonic()
        say("Setting up .venv (once; minutes on the first time, seconds after)")
        make_venv()
        if not pip("install", "-qq", f"uv=={UV}"):
            say("  uv is not to be had here: pip does it all, more slowly")
        install_torch()
        say(f"  {' and '.join(lock.name for lock in locks)}")
        install_locked(*locks)
        stamp.write_text(fingerprint(*locks))
        say(f"  done in {time.monotonic() - started:.0f} s")


# --- commands ------------------------------------------------------------------------------------------------------
def become(*argv: object, **environment: str) -> int:
    """Replace this process, so that a signal meant for the command reaches it."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execve(PYTHON, [str(PYTHON), *map(str, argv)], {**os.environ, **environment})


def run(_args: list[str]) -> int:
    set_up(dev=False)
    return become("scripts/supervise.py")


def test(args: list[str]) -> int:
    set_up(dev=True)
    return become("-m", "pytest", *args, HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")


def lint(_args: list[str]) -> int:
    set_up(dev=True)
    (ROOT / "var").mkdir(exist_ok=True)
    checks = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "--quiet", "."],
        "mypy": ["mypy"],
        "import-linter": ["lint-imports", "--no-logo", "--cache-dir", "var/import-linter"],
    }
    failed = []
    for name, (program, *rest) in checks.items():
        say(f"— {name}")
        if not call(VENV / "bin" / program, *rest):
            failed.append(name)
    say(f"lint: {', '.join(failed)} failed" if failed else "lint: all clean")
    return 1 if failed else 0


def bench(args: list[str]) -> int:
    set_up(dev=False)
    return become("-m", "bench", *args, HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")


def screenshots(args: list[str]) -> int:
    set_up(dev=True)
    return become("scripts/screenshots.py", *args)


def setup(args: list[str]) -> int:
    set_up(dev="dev" in args)
    return 0


def lock(_args: list[str]) -> int:
    """Pin requirements*.in anew. torch stays out: uv would lock the CUDA build and all it drags in."""
    set_up(dev=False)
    without_torch = VENV / ".without-torch"
    without_torch.write_text("torch\n")
    common = ["compile", "--universal", "--python-version", "3.11", "--excludes", without_torch]
    common += ["--custom-compile-command", "make lock", "--upgrade"]
    done = uv(*common, "requirements.in", "-o", LOCK) and uv(
        *common, "-c", "requirements.lock", "requirements-dev.in", "-o", DEV_LOCK
    )
    return 0 if done else 1


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "run": run,
    "test": test,
    "lint": lint,
    "bench": bench,
    "screenshots": screenshots,
    "setup": setup,
    "lock": lock,
}


def main(argv: list[str]) -> int:
    if sys.version_info < OLDEST_PYTHON:
        mine, oldest = (".".join(map(str, version)) for version in (sys.version_info[:2], OLDEST_PYTHON))
        say(f"Vernissage needs Python {oldest} or newer; this is {mine}. Try: make PYTHON=python{oldest} run")
        return 2
    if not argv or argv[0] not in COMMANDS:
        say(f"usage: python3 scripts/bootstrap.py {'|'.join(COMMANDS)} [arguments]")
        return 2
    try:
        return COMMANDS[argv[0]](argv[1:])
    except SetupFailed as failure:
        say(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
