"""Executes notebooks headless, and fails on any error in them.

    python notebooks/run.py [NOTEBOOK...] [--quick | --in-place | --retime] [--timeout SECONDS]

Without a name, all notebooks of this folder. A notebook fails if a cell fails or takes longer than the timeout, or if an
unawaited promise or a timer fails later. The last line is `notebooks: P passed, F failed`.

With --quick, cells find PRIMAL_QUICK=1 and train less. With --in-place, a notebook that passed is written back with its
outputs: nothing in the file depends on when, where or how fast it ran, unless a cell prints it. Displays of progress are
left out, and a cell with the tag `timed`, whose outputs are times, keeps those that it has until code up to it changes.
--retime is --in-place with new times: for a machine that does nothing else.
"""

import argparse
import hashlib
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


def without_progress(outputs):
    """Outputs but for displays of progress, whose last line says how fast it went."""
    return [output for output in outputs if not output.get("data", {}).get("text/html", "").startswith("<progress ")]


def settle(nb, before):
    """Makes outputs independent of the clock; `before` has the outputs that the cells had, by their ids."""
    code = hashlib.sha256()
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = without_progress(cell.outputs)
        code.update(f"{cell.source}\0".encode())
        if "timed" in cell.metadata.get("tags", []):
            timed_code = code.hexdigest()[:16]
            if before.get(cell.id) and cell.metadata.get("timed_code") == timed_code:
                cell.outputs = before[cell.id]
            cell.metadata["timed_code"] = timed_code


def run(path, timeout, in_place, retime):
    """Executes one file. Returns None, or as text what failed."""
    try:
        nb = read(path)
    except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        return f"cannot be read: {error}"
    before = {cell.id: cell.outputs for cell in nb.cells if cell.cell_type == "code"}
    failure = execute(nb, path.resolve().parent, timeout)
    if failure is None and in_place:
        settle(nb, {} if retime else before)
        write(nb, path)
    return failure


def main():
    parser = argparse.ArgumentParser(description="Executes notebooks headless, and fails on any error in them.")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="default: all of this folder")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="set PRIMAL_QUICK=1, with which cells train less")
    form.add_argument("--in-place", action="store_true", help="write the outputs of those that passed back")
    form.add_argument("--retime", action="store_true", help="the same, timed cells included")
    parser.add_argument("--timeout", type=int, default=600, metavar="SECONDS", help="for each cell (default 600)")
    options = parser.parse_args()
    notebooks = options.notebooks or sorted(Path(os.path.relpath(Path(__file__).parent)).glob("*.ipynb"))
    if not notebooks:
        parser.error("there is no notebook in this folder")
    if options.quick:
        os.environ["PRIMAL_QUICK"] = "1"
    in_place = options.in_place or options.retime
    if in_place:
        # What is kept is the full form, whatever the shell has.
        os.environ.pop("PRIMAL_QUICK", None)
    failed = 0
    for path in notebooks:
        print(f"{path} …", flush=True)
        start = time.monotonic()
        failure = run(path, options.timeout, in_place, options.retime)
        failed += failure is not None
        if failure is not None:
            print(failure if len(failure) <= MAX_FAILURE else f"…{failure[-MAX_FAILURE:]}")
        print(f"{'passed' if failure is None else 'FAILED'}  {path} ({time.monotonic() - start:.1f} s)", flush=True)
    print(f"notebooks: {len(notebooks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
