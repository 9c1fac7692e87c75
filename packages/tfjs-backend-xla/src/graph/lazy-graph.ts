import type { Executable } from '@primal-attention/pjrt';
import type { XlaDevice } from '../device.js';
import { turn } from '../event-loop.js';
import type { Fragment } from './fragment.js';
import { Graph } from './graph.js';
import { emitModule, extractProgram, type Program } from './program.js';
import { type DataValue, PendingValue } from './values.js';

/**
 * Limits of what is recorded before it is run. Compile time grows faster than a program's length (1,000 kernels: under a
 * second), so a loop that reads nothing is cut into programs of this size, which repeat and compile once.
 */
const maxKernels = 2000;
const maxBytes = 4 * 2 ** 30;
/** How many programs are tried, after one that failed, to tell the results that fail from those that do not. */
const maxRescues = 32;

/** Kernels recorded outside `jit`, and the values among their results that tensors hold: what a flush computes. */
export class LazyGraph {
  readonly #device: XlaDevice;
  #graph = new Graph();
  readonly #live = new Set<PendingValue>();
  /** Values that the graph reads. They stay alive until it has run, even when their tensors go before. */
  readonly #leaves = new Set<DataValue>();

  #flushing: Promise<void> | undefined;

  constructor(device: XlaDevice) {
    this.#device = device;
  }

  /**
   * Flushes when the limits are reached. To be called before a kernel's operands are made: what no tensor holds, such as
   * an operand in another shape, does not survive a flush.
   */
  makeRoom(): void {
    if (this.#graph.nodes.length >= maxKernels || this.#graph.bytes >= maxBytes) this.flush();
  }

  add(fragment: Fragment, operands: readonly DataValue[]): PendingValue[] {
    for (const operand of operands) {
      if (operand.pending || this.#leaves.has(operand)) continue;
      this.#leaves.add(operand);
      operand.hold();
    }
    return this.#graph.add(fragment, operands);
  }

  /** Notes that a tensor holds a value. */
  keep(value: DataValue): void {
    if (value instanceof PendingValue && value.graph === this.#graph) this.#live.add(value);
  }

  /** Notes that no tensor holds a value any more. */
  drop(value: DataValue): void {
    if (value instanceof PendingValue) this.#live.delete(value);
  }

  /** Computes all values that tensors hold. What cannot be computed keeps its failure: reading it throws that. */
  flush(): void {
    const outputs = [...this.#live];
    if (outputs.length === 0) {
      this.reset();
      return;
    }
    this.#run(extractProgram(this.#graph, outputs), outputs);
  }

  #run(program: Program, outputs: readonly PendingValue[], prepared?: Executable): void {
    try {
      this.#execute(program, outputs, prepared);
    } catch (error) {
      this.#rescue(outputs, error);
    } finally {
      this.reset();
    }
  }

  #execute(program: Program, outputs: readonly PendingValue[], prepared?: Executable): void {
    const executable = prepared ?? this.#device.executables.get(program.key, () => emitModule(program));
    const list = executable.argumentList(program.inputs.length);
    for (let i = 0; i < list.length; i++) list[i] = this.#device.bufferOf(program.inputs[i]).handle;
    const handles = executable.execute();
    for (let i = 0; i < outputs.length; i++)
      outputs[i].buffer = this.#device.adopt(handles[i], outputs[i].type);
    this.#device.pacing.note(executable, handles);
  }

  /**
   * Tries what a failed program was to compute in halves, and these again, so that what is too large for the device takes no
   * other result with it.
   */
  #rescue(outputs: readonly PendingValue[], error: unknown, attempts = { left: maxRescues }): void {
    if (outputs.length <= 1 || attempts.left < 2) {
      const failure = error instanceof Error ? error : new Error(String(error));
      for (const output of outputs) output.failure = failure;
      return;
    }
    attempts.left -= 2;
    const middle = Math.ceil(outputs.length / 2);
    for (const half of [outputs.slice(0, middle), outputs.slice(middle)]) {
      try {
        this.#execute(extractProgram(this.#graph, half), half);
      } catch (cause) {
        this.#rescue(half, cause, attempts);
      }
    }
  }

  /**
   * Like {@link flush}, on another thread: the plugin may run the program before it returns. Meanwhile more may be recorded, and
   * the same values may be computed by a flush or disposed.
   */
  async #runAsync(program: Program, outputs: readonly PendingValue[], executable: Executable): Promise<void> {
    const { client, pacing } = this.#device;
    const graph = this.#graph;
    const recorded = graph.nodes.length;
    const list = BigUint64Array.from(program.inputs, (input) => this.#device.bufferOf(input).handle);
    for (const input of program.inputs) input.hold();
    try {
      const handles = await pacing.executeAsync(executable, list);
      pacing.note(executable, handles);
      for (let i = 0; i < outputs.length; i++) {
        const output = outputs[i];
        if (!this.#live.delete(output)) {
          client.destroyBuffer(handles[i]);
          continue;
        }
        output.buffer = this.#device.adopt(handles[i], output.type);
        output.detach();
        // What was recorded meanwhile may read it.
        this.#leaves.add(output);
        output.hold();
      }
      if (this.#graph === graph && graph.nodes.length === recorded) this.reset();
    } catch (error) {
      if (this.#graph !== graph) return; // A flush computed everything meanwhile, or failed itself.
      this.#rescue([...this.#live], error);
      this.reset();
    } finally {
      for (const input of program.inputs) input.release();
    }
  }

  /**
   * Like {@link flush}; compiling, running and waiting for the device leave the event loop free. What is recorded while a
   * program runs may be pending still.
   */
  async flushAsync(): Promise<void> {
    // Reads that are under way together share the work.
    this.#flushing ??= this.#flushInTurns().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  async #flushInTurns(): Promise<void> {
    const { executables, pacing } = this.#device;
    if (this.#live.size > 0) await pacing.room();
    // The graph may change while a compiler runs, so what is compiled is looked at again afterwards.
    while (this.#live.size > 0) {
      const outputs = [...this.#live];
      const program = extractProgram(this.#graph, outputs);
      if (executables.has(program.key)) {
        if (await this.#device.uploadInTurns(program.inputs)) continue;
        const executable = executables.get(program.key, () => emitModule(program));
        if (pacing.startsAtOnce(executable)) this.#run(program, outputs, executable);
        else await this.#runAsync(program, outputs, executable);
        return;
      }
      // Writing a long program takes its time too.
      await turn();
      await executables.prepare(program.key, () => emitModule(program));
    }
    this.reset();
  }

  /** Forgets what is recorded. */
  reset(): void {
    for (const node of this.#graph.nodes) for (const result of node.results) result.detach();
    this.#graph = new Graph();
    this.#live.clear();
    for (const leaf of this.#leaves) leaf.release();
    this.#leaves.clear();
  }
}
