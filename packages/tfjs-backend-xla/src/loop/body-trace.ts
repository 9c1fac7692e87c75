import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { DataValue, ParameterValue } from '../graph/values.js';
import type { TensorType } from '../hlo/types.js';
import { Trace } from '../jit/trace.js';

/**
 * What is recorded while the step of a loop is traced: a program of its own, within another trace or outside any.
 * Everything that it reads from outside is an input of the loop.
 */
export class BodyTrace extends Trace {
  readonly #parent: Trace | undefined;
  readonly #captured = new Map<DataValue, ParameterValue>();
  readonly #outside = new Map<DataValue, DataValue>();

  constructor(parent: Trace | undefined) {
    super();
    this.#parent = parent;
  }

  /** An input that the loop itself fills: index, carry or slice. */
  addLoopInput(type: TensorType): ParameterValue {
    return this.addParameter(type);
  }

  override hasNoContents(value: DataValue): boolean {
    return this.owns(value) || (this.#parent?.hasNoContents(value) ?? false);
  }

  override operand(info: TensorInfo, value: DataValue): DataValue {
    if (this.owns(value) || this.constants.has(value)) return super.operand(info, value);
    const outside = this.#parent === undefined ? value : this.#parent.operand(info, value);
    let parameter = this.#captured.get(outside);
    if (parameter === undefined) {
      parameter = this.addParameter(outside.type);
      this.#captured.set(outside, parameter);
      this.#outside.set(parameter, outside);
    }
    return parameter;
  }

  /** The value, in the graph around the loop, of an input that the step captured. */
  outside(parameter: DataValue): DataValue {
    const captured = this.#outside.get(parameter);
    if (captured !== undefined) return captured;
    // A long array that the step itself made on the host.
    const { source } = this.inputs.find((input) => input.parameter === parameter)!;
    const { value } = source as Extract<typeof source, { kind: 'literal' }>;
    if (this.#parent === undefined) return value;
    this.#parent.constants.add(value);
    return this.#parent.operand(undefined as never, value);
  }
}
