"""Unpacks the archives of this folder into a working folder, what is there already excepted, and becomes the runner.

Every archive's SHA-256 is compared with SHA256SUMS before anything is taken from it. An archive that is not here is none of this
call's concern, but for the code and Node.js.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

STARTED = time.time()
HERE = Path(__file__).resolve().parent


def fail(message):
    sys.exit(f"start.sh: {message}")


def option(name):
    """The value of --name in the arguments."""
    for i, argument in enumerate(sys.argv):
        if argument == f"--{name}" and i + 1 < len(sys.argv):
            return sys.argv[i + 1]
        if argument.startswith(f"--{name}="):
            return argument.split("=", 1)[1]
    return None


def working_folder():
    if option("work"):
        return Path(option("work")).resolve()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "primal-attention" / "gpu-node"


def sums():
    path = HERE / "SHA256SUMS"
    if not path.exists():
        fail(f"{path} is missing; copy the whole folder that `pnpm bundle` made")
    lines = (line.split() for line in path.read_text().splitlines())
    return {name: digest for digest, name in lines}


def check(path, expected):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != expected:
        fail(f"{path} is damaged: its SHA-256 is {digest.hexdigest()}, expected {expected}; copy it again")


def extract(path, folder):
    options = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    try:
        with tarfile.open(path, "r:xz") as archive:
            archive.extractall(folder, **options)
    except tarfile.CompressionError:  # A Python that was built without lzma.
        with subprocess.Popen(["xz", "-dc", path], stdout=subprocess.PIPE) as xz:
            with tarfile.open(fileobj=xz.stdout, mode="r|") as archive:
                archive.extractall(folder, **options)
        if xz.returncode != 0:
            fail(f"xz could not unpack {path}")


def unpack(name, expected, work, folder):
    """Unpacks an archive into a folder, which may have other archives' files."""
    done = work / "unpacked" / f"{name}.{expected[:16]}"
    if done.exists():
        return
    path = HERE / name
    check(path, expected)
    work.mkdir(parents=True, exist_ok=True)
    shelf = Path(tempfile.mkdtemp(dir=work, prefix="unpacking-"))
    try:
        extract(path, shelf)
        for file in sorted(shelf.rglob("*")):
            target = folder / file.relative_to(shelf)
            if file.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                os.replace(file, target)
    finally:
        shutil.rmtree(shelf)
    done.parent.mkdir(exist_ok=True)
    done.touch()
    print(f"unpacked {name} ({path.stat().st_size / 1e6:.1f} MB)", flush=True)


def main():
    work = working_folder()
    known = sums()
    code = work / f"code-{known.get('code.tar.xz', '')[:16]}"
    for name, expected in known.items():
        if (HERE / name).exists():
            unpack(name, expected, work, code if name == "code.tar.xz" else work)
        elif name in ("code.tar.xz", "node.tar.xz") and not (work / "unpacked" / f"{name}.{expected[:16]}").exists():
            fail(f"{HERE / name} is missing; copy the whole folder that `pnpm bundle` made")
    node = work / "node" / "bin" / "node"
    environment = {
        "VIRTUAL_ENV": sys.prefix,
        "PRIMAL_BACKEND": "xla",
        "PRIMAL_DATA": str(work / "data"),
        "PRIMAL_PROCESSED": str(work / "processed"),
        "PRIMAL_CACHE": str(work / "executables"),
        **os.environ,
    }
    runner = [str(node), str(code / "runner.mjs"), "--work", str(work), "--code", str(code), "--started", f"{STARTED:.3f}"]
    given, skip = [], False
    for argument in sys.argv[1:]:
        if skip or argument.startswith("--work="):
            skip = False
        elif argument == "--work":
            skip = True
        else:
            given.append(argument)
    os.execve(node, [*runner, *given], environment)


main()
