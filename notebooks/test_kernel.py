"""Tests of the notebook kernel in jupyter/kernels/primal-typescript.

Run as `.venv/bin/python notebooks/test_kernel.py`; names of tests as arguments run those alone. Prints a line for each
test and exits non-zero if any fails. Most tests are one notebook, run headless as `run.py` runs it; those about what
several requests do to each other speak to a kernel directly.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from queue import Empty
from unittest.mock import patch

import nbformat
from jupyter_client.manager import start_new_kernel

sys.path.insert(0, str(Path(__file__).parent))
import run  # noqa: E402

NOTEBOOKS = Path(__file__).resolve().parent
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def equal(actual, expected):
    assert actual == expected, f"\n  expected: {expected!r}\n  actual:   {actual!r}"


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def executed(*cells, folder=NOTEBOOKS, timeout=60):
    """Executes a notebook of these cells; returns it and the run's failure, None if there was none."""
    nb = notebook(*cells)
    return nb, run.execute(nb, folder, timeout)


def errors_of(cell):
    return [output for output in cell.outputs if output.output_type == "error"]


def stdout_of(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout")


class Kernel:
    """A kernel to which requests are sent by hand."""

    def __init__(self, folder=NOTEBOOKS):
        self.folder = folder

    def __enter__(self):
        self.manager, self.client = start_new_kernel(kernel_name=run.KERNEL, cwd=str(self.folder))
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def send(self, code, **options):
        return self.client.execute(code, **options)

    def reply(self, request, timeout=20):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                message = self.client.get_shell_msg(timeout=1)
            except Empty:
                continue
            if message["parent_header"].get("msg_id") == request:
                return message["content"]
        raise AssertionError(f"no reply in {timeout} s")

    def output(self, request):
        """All messages of a request's cell up to its idle state, as (type, content)."""
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=10)
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                return messages
            messages.append((message["msg_type"], content))

    def run(self, code, **options):
        return self.reply(self.send(code, **options))

    def interrupted(self, code, after=0.6):
        """Interrupts a cell; returns its reply."""
        request = self.send(code)
        time.sleep(after)
        self.manager.interrupt_kernel()
        return self.reply(request)


# Errors


class Shared:
    """One kernel for the tests that only need some cells run."""

    kernel = None


def failed(*cells):
    """The reply to the last of these cells, all others of which run well; the first is called cell 1 in its stack."""
    if Shared.kernel is None:
        Shared.kernel = Kernel().__enter__()
    replies = [Shared.kernel.run(cell) for cell in cells]
    equal([reply["status"] for reply in replies], ["ok"] * (len(cells) - 1) + ["error"])
    base = replies[0]["execution_count"] - 1
    reply = replies[-1]
    reply["traceback"] = [
        re.sub(r"cell (\d+)", lambda match: f"cell {int(match[1]) - base}", line) for line in reply["traceback"]
    ]
    return reply


@test
def an_error_is_a_jupyter_error_that_fails_the_run():
    nb, failure = executed("console.log('before');", "console.log('x');\nthrow new RangeError('rank 0');", "3")
    assert "RangeError: rank 0" in failure, failure
    equal(stdout_of(nb.cells[0]), "before\n")
    [error] = errors_of(nb.cells[1])
    equal((error.ename, error.evalue), ("RangeError", "rank 0"))
    equal(error.traceback, ["RangeError: rank 0", "    at cell 2, line 2"])
    equal(nb.cells[2].outputs, [])


@test
def stacks_are_short_and_in_the_cells_own_lines():
    reply = failed(
        "interface Config { rank: number }\n\nfunction check(config: Config) {\n"
        "  throw new RangeError(`rank ${config.rank}`, { cause: new TypeError('why') });\n}",
        "const config = { rank: 0 };\n\n[config].forEach((one) => check(one));",
    )
    frames = ["    at check (cell 1, line 4)", "    at cell 2, line 3", "    at cell 2, line 3"]
    equal(reply["traceback"], ["RangeError: rank 0", *frames, "Caused by TypeError: why", *frames])


@test
def an_error_after_an_await_has_its_line_too():
    reply = failed("let x: number = 1;\nawait null;\n\nasync function f() {\n  throw new Error('x');\n}\nawait f();")
    equal(reply["traceback"], ["Error: x", "    at f (cell 1, line 5)", "    at cell 1, line 7"])


@test
def deep_stacks_end_after_a_few_frames():
    reply = failed("function f(n: number): number {\n  if (n === 0) throw new Error('deep');\n  return f(n - 1) + 1;\n}\nf(50);")
    equal(reply["traceback"][:3], ["Error: deep", "    at f (cell 1, line 2)", "    at f (cell 1, line 3)"])
    assert len(reply["traceback"]) <= 10, reply["traceback"]


@test
def an_error_in_a_package_is_placed_in_that_package():
    reply = failed("import { lineFigure } from '@primal-attention/notebook';\nlineFigure(null as any);")
    text = "\n".join(reply["traceback"])
    assert "(@primal-attention/notebook/dist/line-figure.js:" in text, text
    assert str(NOTEBOOKS.parent) not in text, text


@test
def a_compile_error_shows_each_place():
    reply = failed("const rank: number = 3;\nconst text: string = rank;\nmissing();")
    equal(reply["ename"], "CompileError")
    equal(
        reply["traceback"],
        [
            "CompileError: line 2, column 7: Type 'number' is not assignable to type 'string'.",
            "    const text: string = rank;",
            "          ^",
            "line 3, column 1: Cannot find name 'missing'.",
            "    missing();",
            "    ^",
        ],
    )


@test
def shorthand_properties_find_variables_of_earlier_cells():
    with_shorthand = (
        "const local = 2;\nlet other = 0;\nconst f = (inner: number) => ({ inner, rank, local });\n"
        "({ rank, other = 5 } = { rank: 4 });\nconst text = JSON.stringify({ rank, ...f(3), other });\n"
    )
    equal(failed("let rank = 1;", with_shorthand + "throw text;")["evalue"], '{"rank":4,"inner":3,"local":2,"other":5}')
    # The compiler's places are those of the cell as it was written.
    code = "const o = { rank }; const wrong: string = { nowhere, rank };"
    equal(
        [line for line in failed(code)["traceback"] if "line 1" in line],
        [
            f"CompileError: line 1, column {code.index('wrong') + 1}: Type '{{ nowhere: any; rank: number; }}' is not "
            "assignable to type 'string'.",
            f"line 1, column {code.index('nowhere') + 1}: Cannot find name 'nowhere'.",
        ],
    )


@test
def patterns_name_properties_of_earlier_cells_types():
    kept = "const kept = [{ run: (x: number) => x + 1, deep: { rank: 4 } }];\nlet taken = 0;"
    code = (
        "function f() {\n  let sum = 0;\n  for (const { run: other, deep: { rank: r } } of kept) sum += other(2) + r;\n"
        "  let run: any;\n  for ({ run, deep: { rank: taken } } of kept) sum += run(0) + taken;\n"
        "  ({ deep: { rank: taken = 9 } } = kept[0]);\n  return [sum, taken];\n}\nthrow String(f());"
    )
    equal(failed(kept, code)["evalue"], "12,4")
    wrong = "const { run: other, deep: { rnk: r } } = kept[0];"
    [line] = [line for line in failed(kept, wrong)["traceback"] if "line 1" in line]
    assert f"line 1, column {wrong.index('rnk') + 1}: Property 'rnk' does not exist" in line, line


@test
def what_is_no_error_can_be_thrown():
    equal(failed("throw { code: 5 };")["evalue"], "{ code: 5 }")


@test
def a_module_cell_with_a_compile_error_fails():
    reply = failed("/** @module lib */\nexport const text: string = 3;")
    assert reply["evalue"].startswith("lib.ts line 2"), reply


@test
def a_cell_for_the_browser_is_refused_not_skipped():
    assert "not supported" in failed("/** @browser */\nalert(1);")["evalue"]


# Asynchronous errors


@test
def a_rejection_that_nobody_awaits_fails_its_cell():
    reply = failed("async function f() { throw new Error('nobody'); }\nf();\nlet after = 1;")
    equal(reply["traceback"], ["Error: nobody", "    at f (cell 1, line 1)", "    at cell 1, line 2"])


@test
def a_late_error_of_the_last_cell_fails_the_run():
    nb, failure = executed("1 + 1;", "setTimeout(() => { throw new Error('too late'); }, 700);\n2 + 2;")
    assert failure and "too late" in failure, failure
    # The cell in which the run waited for it is no part of the notebook.
    equal(len(nb.cells), 2)
    assert errors_of(nb.cells[1]), nb.cells[1].outputs


@test
def an_error_on_which_a_cell_waits_in_vain_ends_it():
    reply = failed("await new Promise(() => setTimeout(() => { throw new Error('never'); }, 100));")
    equal(reply["evalue"], "never")


@test
def an_error_between_two_cells_shows_below_the_first_and_fails_the_second():
    with Kernel() as kernel:
        first = kernel.send("const timer = setTimeout(() => { throw new Error('between'); }, 100);")
        equal(kernel.reply(first)["status"], "ok")
        time.sleep(0.5)
        second = kernel.send("console.log('ran all the same');")
        reply = kernel.reply(second)
        equal((reply["status"], reply["evalue"]), ("error", "between"))
        shown = []
        while True:
            message = kernel.client.get_iopub_msg(timeout=5)
            parent, kind = message["parent_header"].get("msg_id"), message["msg_type"]
            if kind in ("error", "stream"):
                shown.append((parent == first, kind))
            if parent == second and kind == "status" and message["content"]["execution_state"] == "idle":
                break
        equal(shown, [(True, "error"), (False, "stream"), (False, "error")])
        equal(kernel.run("1")["status"], "ok")


# Output


@test
def twenty_thousand_lines_in_one_tick_are_kept():
    nb, failure = executed("for (let i = 0; i < 20000; i++) console.log(`line ${i}`);", "console.log('next');")
    equal(failure, None)
    equal(stdout_of(nb.cells[0]), "".join(f"line {i}\n" for i in range(20000)))
    equal(stdout_of(nb.cells[1]), "next\n")


@test
def output_is_few_messages_in_order():
    with Kernel() as kernel:
        request = kernel.send(
            "import { display } from 'tslab';\n"
            "for (let i = 0; i < 5000; i++) console.log(i);\ndisplay.text('between');\nconsole.error('end');"
        )
        equal(kernel.reply(request)["status"], "ok")
        messages = [(kind, content) for kind, content in kernel.output(request) if kind in ("stream", "display_data")]
        assert len(messages) < 50, len(messages)
        kinds = [content.get("name", kind) for kind, content in messages]
        equal(kinds[-3:], ["stdout", "display_data", "stderr"])


@test
def output_of_a_blocking_cell_comes_while_it_runs():
    with tempfile.TemporaryDirectory() as folder, Kernel() as kernel:
        # The cell blocks until this test, having seen the output, lets it go on.
        seen = os.path.join(folder, "seen")
        request = kernel.send(
            "import { existsSync } from 'node:fs';\n"
            "console.log('begin');\nconst end = Date.now() + 30000;\n"
            f"while (!existsSync({json.dumps(seen)}) && Date.now() < end);\n"
            "console.log(Date.now() < end ? 'in time' : 'too late');"
        )
        while True:
            message = kernel.client.get_iopub_msg(timeout=20)
            if message["msg_type"] == "stream":
                equal(message["content"]["text"], "begin\n")
                break
        with open(seen, "w"):
            pass
        equal(kernel.reply(request)["status"], "ok")
        equal([content["text"] for kind, content in kernel.output(request) if kind == "stream"], ["in time\n"])


@test
def writes_call_back_and_keep_split_characters():
    nb, failure = executed(
        "const bytes = Buffer.from('σ₁');\n"
        "await new Promise<void>((resolve) => { process.stdout.write(bytes.subarray(0, 1), () => resolve()); });\n"
        "process.stdout.write(bytes.subarray(1));"
    )
    equal(failure, None)
    equal([output.text for output in nb.cells[0].outputs if "text" in output][-1].strip().startswith("σ₁"), True)


# Queues


@test
def cells_queued_behind_an_error_are_aborted_and_say_so():
    with Kernel() as kernel:
        requests = [kernel.send(code) for code in ("throw new Error('first');", "console.log('b');", "console.log('c');")]
        equal([kernel.reply(request)["status"] for request in requests], ["error", "aborted", "aborted"])
        [(_, text)] = [message for message in kernel.output(requests[1]) if message[0] == "stream"]
        equal(text, {"name": "stderr", "text": "Not run: an earlier cell failed or was interrupted.\n"})
        # What is sent after the error's reply runs, however soon.
        failed = kernel.send("throw new Error('second');")
        equal(kernel.reply(failed)["status"], "error")
        equal(kernel.run("1")["status"], "ok")


@test
def stop_on_error_false_runs_the_rest():
    with Kernel() as kernel:
        requests = [kernel.send("throw new Error('first');", stop_on_error=False), kernel.send("1"), kernel.send("2")]
        equal([kernel.reply(request)["status"] for request in requests], ["error", "ok", "ok"])


@test
def a_cell_right_after_an_allowed_error_runs():
    nb = notebook("throw new Error('expected');", "console.log('ran');")
    nb.cells[0].metadata.tags = ["raises-exception"]
    equal(run.execute(nb, NOTEBOOKS, 60), None)
    equal(len(errors_of(nb.cells[0])), 1)
    equal(stdout_of(nb.cells[1]), "ran\n")


# Interrupts


@test
def every_kind_of_long_cell_can_be_interrupted_and_the_kernel_survives():
    cells = [
        "while (true) {}",
        "await new Promise(() => {});",
        "await null;\nfor (;;) console.log('busy');",
        "for (;;) await null;",
        "await new Promise((resolve) => setTimeout(resolve, 10));\nfor (;;) {}",
        "process.nextTick(() => { for (;;) {} });\nawait new Promise((resolve) => setTimeout(resolve, 10));",
    ]
    with Kernel() as kernel:
        equal(kernel.run("let kept = 7;")["status"], "ok")
        for cell in cells:
            # Each cell runs for ever, so that a reply at all is what is tested, not how fast it comes.
            reply = kernel.interrupted(cell)
            equal((cell, reply["status"], reply.get("ename")), (cell, "error", "Interrupted"))
            equal(kernel.run("if (kept !== 7) throw new Error('lost');")["status"], "ok")
        # One that blocks between two cells.
        equal(kernel.run("setTimeout(() => { for (;;) {} }, 500);")["status"], "ok")
        time.sleep(1.5)
        reply = kernel.interrupted("kept")
        equal(reply["status"], "ok")


@test
def a_cell_that_takes_too_long_fails_the_run():
    start = time.monotonic()
    _, failure = executed("await null;\nfor (;;) {}", timeout=4)
    assert failure and "4 s" in failure, failure
    assert time.monotonic() - start < 30


# Packages


@test
def cells_use_the_packages_and_tensorflow():
    nb, failure = executed(
        "import * as tf from '@tensorflow/tfjs';\n"
        "import { lineFigure, notebookProgress, show, table } from '@primal-attention/notebook';",
        "table([{ model: 'Primal.', sum: tf.tidy(() => tf.sum([1, 2, 3]).dataSync()[0]) }]);",
        "const axis = { title: 'Step' };\n"
        "show(lineFigure({ title: 'Loss', x: axis, y: axis, series: [{ name: 'a', y: [1, NaN, 2] }] }));",
        "const progress = notebookProgress();\n"
        "for (let step = 1; step <= 10000; step++) {\n"
        "  const end = performance.now() + 0.1;\n  while (performance.now() < end);\n"
        "  progress.update({ step, totalSteps: 10000, epoch: 1, totalEpochs: 1, loss: 1 / step, stepsPerSecond: 1e4,"
        " etaSeconds: 0 });\n}\nprogress.close();",
    )
    equal(failure, None)
    # TensorFlow.js may greet on stderr.
    [shown] = [output for output in nb.cells[1].outputs if output.output_type == "display_data"]
    equal(shown.data["text/plain"].splitlines()[-1], "| Primal. |   6 |")
    assert "<td" in shown.data["text/html"], shown
    [figure] = nb.cells[2].outputs
    equal(figure.data["application/vnd.plotly.v1+json"]["data"][0]["y"], [1, None, 2])
    assert figure.data["image/png"].startswith("iVBORw0KGgo"), figure.data["image/png"][:20]
    [line] = nb.cells[3].outputs
    assert line.data["text/plain"].startswith("epoch 1/1  step 10000/10000  loss 1.00e-4"), line


@test
def progress_does_not_flood():
    with Kernel() as kernel:
        kernel.run("import { notebookProgress } from '@primal-attention/notebook';")
        request = kernel.send(
            "const progress = notebookProgress();\nlet steps = 0;\nconst begin = performance.now();\n"
            "while (performance.now() < begin + 1000) {\n  steps++;\n"
            "  progress.update({ step: steps, totalSteps: 1e9, epoch: 1, totalEpochs: 1, loss: 1, stepsPerSecond: 1,"
            " etaSeconds: 1 });\n}\nprogress.close();\nconsole.log(steps);"
        )
        equal(kernel.reply(request)["status"], "ok")
        messages = kernel.output(request)
        steps = int(next(content["text"] for kind, content in messages if kind == "stream"))
        updates = [content["data"]["text/plain"] for kind, content in messages if kind.endswith("display_data")]
        assert 5 <= len(updates) <= 13, len(updates)
        assert f"step {steps}/" in updates[-1], updates[-1]
        assert steps > 1000


@test
def a_notebook_elsewhere_finds_the_packages_and_its_own_files():
    # Package managers set NODE_PATH for what they start, which Node.js follows and the compiler does not.
    store = NOTEBOOKS.parent / "node_modules" / ".pnpm" / "node_modules"
    assert store.is_dir(), store
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, NODE_PATH=str(store)):
        Path(folder, "data.txt").write_text("own file")
        nb, failure = executed(
            "import { lineFigure } from '@primal-attention/notebook';\nimport { readFileSync } from 'node:fs';",
            "console.log(typeof lineFigure, readFileSync('data.txt', 'utf8'));",
            folder=folder,
        )
    equal(failure, None)
    equal(stdout_of(nb.cells[1]), "function own file\n")


@test
def files_that_come_and_go_around_a_notebook_disturb_no_cell():
    # In a folder of the packages' own, since imports are looked up there, and a module there is found once it exists.
    with tempfile.TemporaryDirectory(dir=NOTEBOOKS) as folder, Kernel(folder) as kernel:
        equal(kernel.run("import { late } from './late';")["status"], "error")
        for i in range(5):
            for j in range(3):
                Path(folder, f"note{i}{j}.txt").write_text("a file")
                time.sleep(0.1)
            reply = kernel.run(f"const a{i} = {i};")
            equal((i, reply["status"]), (i, "ok"))
        Path(folder, "late.ts").write_text("export const late = 5;\n")
        time.sleep(0.3)
        equal(kernel.run("import { late } from './late';\nif (late !== 5) throw new Error(`${late}`);")["status"], "ok")


# The kernel itself


@test
def requests_of_the_front_end_are_answered():
    with Kernel() as kernel:
        kernel.run("const landmarks = [1, 2];")
        equal("map" in kernel.reply(kernel.client.complete("landmarks.ma", 12))["matches"], True)
        found = kernel.reply(kernel.client.inspect("landmarks", 3))
        equal(found["data"]["text/plain"], "const landmarks: number[]")
        equal(kernel.reply(kernel.client.is_complete("function f() {"))["status"], "incomplete")
        equal(kernel.reply(kernel.client.comm_info())["comms"], {})
        equal(kernel.reply(kernel.client.kernel_info())["language_info"]["name"], "typescript")
        # Not even while a cell runs do they disturb it.
        request = kernel.send("await new Promise((resolve) => setTimeout(resolve, 1000));")
        kernel.reply(kernel.client.complete("landmarks.", 10))
        equal(kernel.reply(request)["status"], "ok")


@test
def shutting_down_ends_the_process_despite_timers():
    manager, client = start_new_kernel(kernel_name=run.KERNEL, cwd=str(NOTEBOOKS))
    client.execute_interactive("setInterval(() => {}, 1000);", timeout=20, output_hook=lambda _: None)
    client.shutdown()
    deadline = time.monotonic() + 5
    while manager.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    client.stop_channels()
    alive = manager.is_alive()
    manager.shutdown_kernel(now=True)
    equal(alive, False)


@test
def a_kernel_without_its_front_end_ends():
    code = (
        "import sys, run; from jupyter_client.manager import start_new_kernel;"
        "manager, client = start_new_kernel(kernel_name=run.KERNEL);"
        "print(manager.provisioner.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=NOTEBOOKS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        # In a container nobody may collect what has ended.
        if re.search(r"^State:\s+Z", Path(f"/proc/{pid}/status").read_text() if os.path.exists(f"/proc/{pid}") else "", re.M):
            return
        time.sleep(0.1)
    os.kill(pid, 9)
    raise AssertionError("the kernel outlived the process that started it")


@test
def the_kernel_spec_is_relocatable():
    spec = json.loads((NOTEBOOKS / "jupyter/kernels/primal-typescript/kernel.json").read_text())
    equal(spec["argv"][0], "node")
    assert any(part.startswith("{resource_dir}/") for part in spec["argv"]), spec
    assert not any(part.startswith("/") for part in spec["argv"]), spec


# run.py


@test
def outputs_are_written_back_reproducibly_or_not_at_all():
    folder = Path(tempfile.mkdtemp(dir=NOTEBOOKS, prefix=".test-"))
    try:
        good, bad = folder / "good.ipynb", folder / "bad.ipynb"
        for path, cells in ((good, ["console.log(1);", "2 + 2;"]), (bad, ["console.log(1);", "throw new Error('bad');"])):
            nb = notebook(*cells)
            nb.cells.insert(0, nbformat.v4.new_markdown_cell("# Title"))
            nbformat.write(nb, path)
        before = bad.read_bytes()
        command = [sys.executable, str(NOTEBOOKS / "run.py"), str(good), str(bad), "--in-place"]
        first = subprocess.run(command, capture_output=True, text=True)
        equal((first.returncode, first.stdout.strip().splitlines()[-1]), (1, "notebooks: 1 passed, 1 failed"))
        assert "Error: bad" in first.stdout, first.stdout
        equal(bad.read_bytes(), before)
        written = good.read_bytes()
        again = subprocess.run([*command[:3], "--in-place"], capture_output=True, text=True)
        equal((again.returncode, again.stdout.strip().splitlines()[-1]), (0, "notebooks: 1 passed, 0 failed"))
        equal(good.read_bytes(), written)
        nb = nbformat.read(good, as_version=4)
        equal([cell.execution_count for cell in nb.cells if cell.cell_type == "code"], [1, 2])
        equal([stdout_of(cell) for cell in nb.cells if cell.cell_type == "code"], ["1\n", "4\n"])
        assert not any(word in written.decode() for word in ("iopub", "execution_state", "shell.execute_reply"))
        equal(sorted(path.name for path in folder.iterdir()), ["bad.ipynb", "good.ipynb"])
        # Without --in-place nothing is written.
        nbformat.write(notebook("5;"), good)
        before = good.read_bytes()
        equal(subprocess.run(command[:3], capture_output=True).returncode, 0)
        equal(good.read_bytes(), before)
    finally:
        shutil.rmtree(folder)


@test
def what_depends_on_the_clock_changes_no_written_file():
    folder = Path(tempfile.mkdtemp(dir=NOTEBOOKS, prefix=".test-"))
    try:
        path = folder / "timed.ipynb"
        progress = (
            "import { notebookProgress } from '@primal-attention/notebook';\n"
            "const progress = notebookProgress();\n"
            "progress.update({ step: 1, totalSteps: 1, epoch: 1, totalEpochs: 1, loss: 1, stepsPerSecond: Date.now(),"
            " etaSeconds: 0 });\nprogress.close();\nconsole.log('trained');"
        )
        nb = notebook(progress, "console.log(performance.now());")
        nb.cells[1].metadata.tags = ["timed"]
        nbformat.write(nb, path)

        def written(form="--in-place"):
            command = [sys.executable, str(NOTEBOOKS / "run.py"), str(path), form]
            equal(subprocess.run(command, capture_output=True).returncode, 0)
            return nbformat.read(path, as_version=4)

        first = written()
        equal([output.output_type for output in first.cells[0].outputs], ["stream"])
        before = path.read_bytes()
        written()
        equal(path.read_bytes(), before)
        # A change before it makes the timed cell's outputs new; so does asking for it.
        time_of = lambda nb: stdout_of(nb.cells[1])  # noqa: E731
        changed = nbformat.read(path, as_version=4)
        changed.cells[0].source += "\nconsole.log('again');"
        nbformat.write(changed, path)
        second = written()
        assert time_of(second) != time_of(first), time_of(second)
        assert time_of(written("--retime")) != time_of(second)
    finally:
        shutil.rmtree(folder)


@test
def the_quick_form_is_told_to_the_cells_and_never_written():
    folder = Path(tempfile.mkdtemp(dir=NOTEBOOKS, prefix=".test-"))
    try:
        path = folder / "form.ipynb"
        nbformat.write(notebook("if (process.env.PRIMAL_QUICK !== '1') throw new Error('full');"), path)
        before = path.read_bytes()
        run_py = [sys.executable, str(NOTEBOOKS / "run.py"), str(path)]
        equal(subprocess.run([*run_py, "--quick"], capture_output=True).returncode, 0)
        equal(path.read_bytes(), before)
        full = subprocess.run(
            [*run_py, "--in-place"], capture_output=True, text=True, env={**os.environ, "PRIMAL_QUICK": "1"}
        )
        equal(full.returncode, 1)
        assert "Error: full" in full.stdout, full.stdout
        both = subprocess.run([*run_py, "--quick", "--in-place"], capture_output=True, text=True)
        equal(both.returncode, 2)
        assert "not allowed with" in both.stderr, both.stderr
    finally:
        shutil.rmtree(folder)


@test
def a_notebook_that_cannot_be_read_is_a_failure():
    missing = subprocess.run(
        [sys.executable, str(NOTEBOOKS / "run.py"), "missing.ipynb"], capture_output=True, text=True
    )
    equal((missing.returncode, missing.stdout.strip().splitlines()[-1]), (1, "notebooks: 0 passed, 1 failed"))


def main(names):
    chosen = [function for function in TESTS if not names or function.__name__ in names]
    if not chosen or len(chosen) < len(names):
        print(f"unknown test among: {' '.join(names)}")
        return 2
    failed = 0
    for function in chosen:
        start = time.monotonic()
        try:
            function()
            outcome = "passed"
        except Exception:
            traceback.print_exc()
            outcome = "FAILED"
            failed += 1
        name = function.__name__.replace("_", " ")
        print(f"{outcome}  {name} ({time.monotonic() - start:.1f} s)", flush=True)
    if Shared.kernel is not None:
        Shared.kernel.__exit__()
    print(f"kernel: {len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
