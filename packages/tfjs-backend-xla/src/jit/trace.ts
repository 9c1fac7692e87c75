import { type DataId, type TensorInfo, Variable } from '@tensorflow/tfjs-core';
import { fragmentOf } from '../graph/fragment.js';
import { Graph } from '../graph/graph.js';
import type { Program } from '../graph/program.js';
import { type DataValue, type HostArray, ParameterValue, PendingValue } from '../graph/values.js';
import { denseLiteral } from '../hlo/literals.js';
import { type TensorType, tensorType } from '../hlo/types.js';

/** Where an input of a compiled function comes from at each call. */
export type Source =
  | { readonly kind: 'argument'; readonly index: number }
  | { readonly kind: 'variable'; readonly variable: Variable }
  | { readonly kind: 'captured'; readonly dataId: DataId; readonly description: string }
  | { readonly kind: 'literal'; readonly value: DataValue };

export interface TracedInput {
  readonly parameter: ParameterValue;
  readonly source: Source;
}

/** Arrays that the traced function makes on the host are written into the program up to this size, longer ones are inputs. */
const maxEmbeddedElements = 256;

/** What is recorded while a function is traced. */
export class Trace {
  readonly graph = new Graph();
  /** Values that were written on the host since the trace began: constants of the program. */
  readonly constants = new Set<DataValue>();
  readonly inputs: TracedInput[] = [];
  readonly #variables = new Map<Variable, ParameterValue>();
  readonly #captured = new Map<DataId, ParameterValue>();
  readonly #embedded = new Map<DataValue, DataValue>();
  #discarded = false;
  /** Data from outside the trace that lost its last tensor during it. */
  readonly deferred = new Set<DataId>();
  protected readonly parameters = new Set<DataValue>();

  /** Why a value must not be part of the program: its numbers were drawn on the host. */
  readonly #drawn = new Map<DataValue, Error>();
  /** Set while tfjs draws random numbers: what it writes then is such a value. */
  drawing: Error | undefined;

  /** Notes a value that is written on the host while the function is traced. */
  addConstant(value: DataValue): void {
    this.constants.add(value);
    if (this.drawing !== undefined) this.#drawn.set(value, this.drawing);
  }

  /** @throws Error when a value was drawn on the host: what follows from it would be the same at each call */
  refuseRandomRead(value: DataValue): void {
    const error = this.#drawn.get(value);
    if (error !== undefined) throw error;
  }

  /** @throws Error when the program needs numbers that were drawn on the host */
  refuseRandomness({ nodes, outputs }: Program): void {
    if (this.#drawn.size === 0) return;
    for (const output of outputs) this.refuseRandomRead(output);
    for (const { operands, results } of nodes) {
      for (const value of operands) this.refuseRandomRead(value);
      for (const value of results) this.refuseRandomRead(value);
    }
  }

  addInput(type: TensorType, source: Source): ParameterValue {
    const parameter = this.addParameter(type);
    this.inputs.push({ parameter, source });
    return parameter;
  }

  protected addParameter(type: TensorType): ParameterValue {
    const parameter = new ParameterValue(type);
    this.parameters.add(parameter);
    return parameter;
  }

  /** True for values that this trace made: they have no contents. */
  owns(value: DataValue): boolean {
    return this.parameters.has(value) || (value instanceof PendingValue && value.graph === this.graph);
  }

  /** True for values of this trace and of those around it. */
  hasNoContents(value: DataValue): boolean {
    return this.owns(value);
  }

  /** What stands in the program for a tensor that a kernel reads. */
  operand(info: TensorInfo, value: DataValue): DataValue {
    if (this.owns(value)) return value;
    if (this.constants.has(value)) return this.#constant(value);
    if (info instanceof Variable) {
      let parameter = this.#variables.get(info);
      if (parameter === undefined) {
        // The variable's own shape: its data may come from a tensor of another one, and from yet another later.
        const type = tensorType(value.type.element, info.shape);
        parameter = this.addInput(type, { kind: 'variable', variable: info });
        this.#variables.set(info, parameter);
      }
      return parameter;
    }
    let parameter = this.#captured.get(info.dataId);
    if (parameter === undefined) {
      const description = `${info.dtype} [${info.shape}]`;
      parameter = this.addInput(value.type, { kind: 'captured', dataId: info.dataId, description });
      this.#captured.set(info.dataId, parameter);
    }
    return parameter;
  }

  #constant(value: DataValue): DataValue {
    let node = this.#embedded.get(value);
    if (node === undefined) {
      const { element } = value.type;
      const host = value.host!;
      if (host.length <= maxEmbeddedElements || isSplat(host)) {
        const text = host.length === 0 ? '' : denseLiteral(host, element);
        const fragment = fragmentOf(`Constant|${value.type.text}|${text}`, 'Constant', [], (b) =>
          b.constantArray(host, element, value.type.shape),
        );
        node = this.graph.add(fragment, [])[0];
      } else {
        value.hold();
        node = this.addInput(value.type, { kind: 'literal', value });
      }
      this.#embedded.set(value, node);
      const drawn = this.#drawn.get(value);
      if (drawn !== undefined) this.#drawn.set(node, drawn);
    }
    return node;
  }

  /** Called when data loses its last tensor: what is from outside must survive the trace, which may be undone. */
  defersDisposal(dataId: DataId, value: DataValue | undefined): boolean {
    if (value === undefined || this.owns(value) || this.constants.has(value)) return false;
    this.deferred.add(dataId);
    return true;
  }

  /** Lets go of what a trace that came to nothing holds. */
  discard(): void {
    if (this.#discarded) return;
    this.#discarded = true;
    releaseLiterals(this.inputs.map(({ source }) => source));
  }

  /** Cuts what was recorded off from the graph. Whoever kept a tensor of the trace is told why it has no value. */
  close(): void {
    const failure = new Error(
      'jit: a tensor that was made while a function was compiled has no value, and was used after that. Return it from ' +
        'the function, or make it outside.',
    );
    for (const { results } of this.graph.nodes) {
      for (const result of results) {
        result.detach();
        result.failure = failure;
      }
    }
    for (const { parameter } of this.inputs) parameter.failure = failure;
  }
}

export function releaseLiterals(sources: readonly Source[]): void {
  for (const source of sources) if (source.kind === 'literal') source.value.release();
}

function isSplat(values: HostArray): boolean {
  for (let i = 1; i < values.length; i++) if (!Object.is(values[i], values[0])) return false;
  return true;
}
