import * as tf from '@tensorflow/tfjs';
import type fc from 'fast-check';
import { applyOp, onBackend, scoped } from './evaluate.js';
import { families, opTable } from './op-table.js';
import {
  type ElementName,
  type Known,
  type Op,
  type Program,
  type Scope,
  type Step,
  satisfies,
  type Want,
} from './program.js';

/** Programs stay where float32 has room, whatever the order in which a backend multiplies: 1e9 squared is below 3e38. */
const largest = 1e9;
const maxElements = 300;

export interface Limits {
  readonly minOps: number;
  readonly maxOps: number;
  /** Only these operations. */
  readonly only?: readonly string[];
}

/**
 * A random program. Each operation is tried on the cpu backend as it is chosen, so that the next choice knows types and
 * values: operands lie in a function's domain, indices in range, nothing overflows unless it began as infinity.
 */
export function generateProgram(random: fc.Random, { minOps, maxOps, only }: Limits): Program {
  return onBackend('cpu', () =>
    scoped(() => new Builder(random, only).build(random.nextInt(minOps, maxOps))),
  );
}

class Builder implements Scope {
  readonly #random: fc.Random;
  readonly #steps: Step[] = [];
  readonly #known: Known[] = [];
  readonly #tensors: tf.Tensor[][] = [];
  /** Whether inputs may hold NaN, infinities and -0. */
  readonly #special: boolean;

  constructor(
    random: fc.Random,
    readonly only?: readonly string[],
  ) {
    this.#random = random;
    this.#special = this.chance(0.2);
  }

  build(ops: number): Program {
    let left = ops;
    // An operation that does not fit is given up, with the inputs made for it; a few tries more than operations are enough.
    for (let tries = 0; left > 0 && tries < 4 * ops; tries++) if (this.#tryStep()) left--;
    return this.#steps;
  }

  #tryStep(): boolean {
    const [name, op] = this.#pickOp();
    const [steps, known] = [this.#steps.length, this.#known.length];
    const choice = op.choose(this);
    if (choice !== undefined) {
      const step = { op: name, operands: choice.operands, attrs: choice.attrs ?? {} };
      const args = choice.operands.map(({ step: from, output }) => this.#tensors[from][output]);
      const outputs = applyOp(step, args);
      if (this.#acceptable(outputs)) {
        this.#add(step, outputs);
        return true;
      }
    }
    this.#steps.length = steps;
    this.#known.length = known;
    this.#tensors.length = steps;
    return false;
  }

  #pickOp(): readonly [string, Op] {
    if (this.only !== undefined) {
      const name = this.pick(this.only);
      return [name, opTable.get(name)!];
    }
    const weighted = families.flatMap(([weight, ops]) => new Array<typeof ops>(weight).fill(ops));
    return this.pick(Object.entries(this.pick(weighted)));
  }

  #acceptable(outputs: readonly tf.Tensor[]): boolean {
    return outputs.every((output) => {
      if (output.size > maxElements || output.rank > 4) return false;
      const values = Array.from(output.dataSync());
      if (output.dtype !== 'float32') return true;
      if (values.some((value) => Number.isFinite(value) && Math.abs(value) > largest)) return false;
      // Denormal numbers are zero to XLA.
      if (values.some((value) => value !== 0 && Math.abs(value) < 1e-30)) return false;
      return this.#special || values.every(Number.isFinite) || this.chance(0.1);
    });
  }

  #add(step: Step, outputs: tf.Tensor[]): Known {
    const index = this.#steps.length;
    this.#steps.push(step);
    this.#tensors.push(outputs);
    for (const [output, tensor] of outputs.entries()) {
      this.#known.push({
        ref: { step: index, output },
        dtype: tensor.dtype as ElementName,
        shape: tensor.shape,
        values: tensor.dataSync(),
      });
    }
    return this.#known.at(-outputs.length)!;
  }

  int(low: number, high: number): number {
    return this.#random.nextInt(low, high);
  }

  chance(probability: number): boolean {
    return this.int(0, 999) < probability * 1000;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.int(0, from.length - 1)];
  }

  shuffle<T>(from: readonly T[]): T[] {
    const list = [...from];
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }

  shape(minRank: number, maxRank: number, allowEmpty = true): number[] {
    const rank = this.int(minRank, Math.max(minRank, maxRank));
    const largestDim = rank >= 4 ? 3 : rank === 3 ? 4 : 5;
    return Array.from({ length: rank }, () =>
      allowEmpty && this.chance(0.02) ? 0 : this.int(1, largestDim),
    );
  }

  find(fits: (value: Known) => boolean): Known | undefined {
    const fitting = this.#known.filter(fits);
    if (fitting.length === 0) return undefined;
    const recent = fitting.slice(-3);
    return this.chance(0.7) ? this.pick(recent) : this.pick(fitting);
  }

  operand(want: Want): Known {
    const found = this.chance(0.85) ? this.find((value) => satisfies(value, want)) : undefined;
    return found ?? this.input(want);
  }

  input(want: Want): Known {
    const dtype = typeof want.dtype === 'string' ? want.dtype : this.pick(want.dtype);
    for (let tries = 0; ; tries++) {
      const shape = want.shape ?? this.shape(want.minRank ?? 0, want.maxRank ?? 4, want.nonEmpty !== true);
      const size = shape.reduce((product, n) => product * n, 1);
      const values = this.#values(dtype, size, want);
      if (want.sorted) sortRows(values, shape.at(-1) ?? 1);
      const step: Step = { op: 'input', dtype, shape, values };
      const candidate: Known = { ref: { step: this.#steps.length, output: 0 }, dtype, shape, values };
      if (satisfies(candidate, want)) return this.#add(step, [tf.tensor(values, [...shape], dtype)]);
      if (tries > 100) throw new Error(`fuzz: no input fits ${JSON.stringify(want)}`);
    }
  }

  rows(columns: readonly ArrayLike<number>[], outer: readonly number[]): Known {
    const count = outer.reduce((product, n) => product * n, 1);
    const values = Array.from({ length: count }, (_, i) => columns.map((column) => column[i])).flat();
    const shape = [...outer, columns.length];
    return this.#add({ op: 'input', dtype: 'int32', shape, values }, [tf.tensor(values, shape, 'int32')]);
  }

  #values(dtype: ElementName, size: number, want: Want): number[] {
    const [low, high] = want.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const unit = (): number => this.int(0, 2 ** 24 - 1) / 2 ** 24;
    const many = (make: () => number): number[] =>
      Array.from({ length: size }, () => {
        let value = make();
        for (let tries = 0; want.each?.(value) === false && tries < 100; tries++) value = make();
        return value;
      });
    if (dtype === 'bool') return many(() => this.int(0, 1));
    if (dtype === 'int32') {
      const [from, to] = [Math.ceil(Math.max(low, -6)), Math.floor(Math.min(high, 6))];
      // Large numbers whose sums and products wrap around.
      const wild = want.range === undefined && this.chance(0.1);
      return many(() => (wild && this.chance(0.5) ? this.int(-2147483648, 2147483647) : this.int(from, to)));
    }
    const [from, to] = [Math.max(low, -4), Math.min(high, 4)];
    // Small round numbers meet ties and steps exactly; the others meet rounding.
    const round = this.chance(0.4) && Math.ceil(2 * from) <= Math.floor(2 * to);
    const value = (): number =>
      round
        ? this.int(Math.ceil(2 * from), Math.floor(2 * to)) / 2
        : Math.fround(from + unit() * (to - from));
    const unbounded = want.range === undefined && want.finite !== true;
    return many(() => {
      if (this.#special && unbounded && this.chance(0.15)) {
        return this.pick([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]);
      }
      const made = value();
      return Math.abs(made) < 1e-30 ? 0 : made;
    });
  }
}

function sortRows(values: number[], length: number): void {
  for (let start = 0; start < values.length; start += length) {
    const row = values.slice(start, start + length).sort((a, b) => a - b);
    values.splice(start, length, ...row);
  }
}
