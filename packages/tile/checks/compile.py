"""Parses, verifies and compiles kernels in Triton IR for compute capability 9.0, without a GPU, and says what they take.

    python3 -m venv triton && triton/bin/pip install triton==3.6.0
    node checks/write-kernels.mjs DIR && triton/bin/python checks/compile.py DIR

The plugin of jaxlib 0.11.2 carries a Triton of about this version. A number of bytes that are spilled is memory traffic that
the kernel does not need: take smaller tiles or more warps.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import triton
from triton.backends.compiler import GPUTarget

PTXAS = pathlib.Path(triton.__file__).parent / "backends/nvidia/bin/ptxas"


def report(path):
    options = {
        f"num_{name}": int(number)
        for name, number in re.findall(r"\.(warps|stages)(\d+)", path.name)
    }
    kernel = triton.compile(str(path), target=GPUTarget("cuda", 90, 32), options=options)
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as ptx:
        ptx.write(kernel.asm["ptx"])
        ptx.flush()
        command = [PTXAS, "-v", "--gpu-name=sm_90a", ptx.name, "-o", "/dev/null"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    registers = re.search(r"Used (\d+) registers", said)[1]
    spilled = re.search(r"(\d+) bytes spill stores", said)[1]
    print(f"{path.name}: {registers} registers, {spilled} bytes spilled, {kernel.metadata.shared} bytes shared", flush=True)


kernels = sorted(pathlib.Path(sys.argv[1]).glob("*.ttir"))
if not kernels:
    sys.exit(f"compile: no *.ttir in {sys.argv[1]}")
for path in kernels:
    report(path)
