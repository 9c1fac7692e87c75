"""Executes notebooks headless, and fails on any error in them.

    python notebooks/run.py NOTEBOOK... [--in-place] [--timeout SECONDS]

A notebook fails if a cell fails or takes longer than the timeout, or if an unawaited promise or a timer fails later.
With --in-place, one that passed is written back with its outputs: nothing in the file depends on when, where or how fast
it ran, unless a cell prints it. The last line is `notebooks: P passed, F failed`.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

KERNEL = "primal-typescript"

# A kernel is found through this path alone; nothing has to be installed.
KERNELS = Path(__file__).resolve().parent / "jupyter"
os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(KERNELS), os.environ.get("JUPYTER_PATH")]))

# Run after the last cell: it waits for pending timers, so that their errors count, but not for ever, since an interval
# never ends.
FLUSH = """
const pendingUntil = performance.now() + 5000;
do {
  await new Promise<void>((resolve) => { setImmediate(resolve); });
  const end = performance.now() + 20;
  while (performance.now() < end);
} while (process.getActiveResourcesInfo().includes('Timeout') && performance.now() < pendingUntil);
"""

MAX_FAILURE = 4000


def execute(nb, folder, timeout):
    """Executes a notebook in a folder, into its outputs. Returns None, or as text what failed."""
    code_cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    for cell in code_cells:
        cell.outputs, cell.execution_count = [], None
    flush = nbformat.v4.new_code_cell(FLUSH)
    nb.cells.append(flush)
    took_too_long = f"the cell took longer than {timeout} s"
    client = NotebookClient(
        nb,
        kernel_name=KERNEL,
        resources={"metadata": {"path": str(folder)}},
        timeout=timeout,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "Timeout", "evalue": took_too_long, "traceback": [f"Timeout: {took_too_long}"]},
        iopub_timeout=60,
        raise_on_iopub_timeout=True,
        coalesce_streams=True,
        record_timing=False,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        if any(output.output_type == "error" for output in flush.outputs):
            return f"after the last cell had ended:\n{error.traceback.split(FLUSH.strip())[-1].strip()}"
        return str(error)
    except (CellTimeoutError, DeadKernelError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        nb.cells.pop()
        # What came so late is most likely the last cell's.
        if code_cells:
            code_cells[-1].outputs.extend(flush.outputs)
    return None


def read(path):
    """A notebook with an id for each cell, also where the file's format had none."""
    nb = nbformat.read(path, as_version=4)
    nb.nbformat_minor = max(nb.nbformat_minor, 5)
    for index, cell in enumerate(nb.cells):
        cell.setdefault("id", f"cell-{index + 1}")
        cell.metadata.pop("execution", None)
    return nb


def write(nb, path):
    """Writes a notebook as a whole or not at all."""
    nbformat.validate(nb)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(nbformat.writes(nb) + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def run(path, timeout, in_place):
    """Executes one file. Returns None, or as text what failed."""
    try:
        nb = read(path)
    except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        return f"cannot be read: {error}"
    failure = execute(nb, path.resolve().parent, timeout)
    if failure is None and in_place:
        write(nb, path)
    return failure


def main():
    parser = argparse.ArgumentParser(description="Executes notebooks headless, and fails on any error in them.")
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--in-place", action="store_true", help="write the outputs of those that passed back")
    parser.add_argument("--timeout", type=int, default=600, metavar="SECONDS", help="for each cell (default 600)")
    options = parser.parse_args()
    failed = 0
    for path in options.notebooks:
        print(f"{path} …", flush=True)
        start = time.monotonic()
        failure = run(path, options.timeout, options.in_place)
        failed += failure is not None
        if failure is not None:
            print(failure if len(failure) <= MAX_FAILURE else f"…{failure[-MAX_FAILURE:]}")
        print(f"{'passed' if failure is None else 'FAILED'}  {path} ({time.monotonic() - start:.1f} s)", flush=True)
    print(f"notebooks: {len(options.notebooks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
