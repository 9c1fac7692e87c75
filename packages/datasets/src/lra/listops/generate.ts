import { RandomStream } from '../../random.js';
import { applyOperator } from './evaluate.js';
import { closing, firstDigit, firstOperator } from './tokens.js';

/** The distribution of expressions. */
export interface ListOpsSettings {
  /** A node at this depth is a digit; the root is at depth 1. */
  readonly maxDepth: number;
  /** An operator has 2 to `maxArgs` arguments, each number as likely. */
  readonly maxArgs: number;
  /** The length in tokens, parentheses not counted, lies strictly between these two. */
  readonly lengthAbove: number;
  readonly lengthBelow: number;
  /** The probability that a node above `maxDepth` is an operator; otherwise it is a digit. */
  readonly branching: number;
}

/** Settings of LRA: `lra_benchmarks/data/listops.py`, with the flags of its documentation. */
export const lraListOps: ListOpsSettings = {
  maxDepth: 10,
  maxArgs: 10,
  lengthAbove: 500,
  lengthBelow: 2000,
  branching: 0.25,
};

/** Settings of the original ListOps set `d20s` (Nangia and Bowman 2018): short expressions, most of depth under 10. */
export const originalListOps: ListOpsSettings = {
  maxDepth: 20,
  maxArgs: 5,
  lengthAbove: 0,
  lengthBelow: Number.POSITIVE_INFINITY,
  branching: 0.25,
};

/** One generated expression. The array is a view that the next call overwrites. */
export interface GeneratedExpression {
  ids: Uint8Array;
  value: number;
}

/**
 * Draws expressions from the published distribution: a node is an operator with probability `branching` and otherwise a digit;
 * operators, digits and numbers of arguments are uniform; an expression whose length is out of bounds is drawn anew.
 *
 * An expression that has grown too long is given up at once, not when it is complete. What comes out has the same distribution,
 * in a small part of the time.
 */
export class ListOpsGenerator {
  private ids = new Uint8Array(4096);
  private length = 0;
  private readonly args: Uint8Array;
  private readonly branch: number;

  constructor(private readonly settings: ListOpsSettings) {
    const { maxDepth, maxArgs, lengthAbove, lengthBelow, branching } = settings;
    const check = (name: keyof ListOpsSettings, right: boolean, expected: string): void => {
      if (right) return;
      throw new Error(`listops: ${name} must be ${expected}, got ${settings[name]}`);
    };
    check(
      'maxDepth',
      Number.isInteger(maxDepth) && maxDepth >= 1 && maxDepth <= 100,
      'a whole number, 1..100',
    );
    check('maxArgs', Number.isInteger(maxArgs) && maxArgs >= 2 && maxArgs <= 255, 'a whole number, 2..255');
    check('branching', branching >= 0 && branching <= 1, 'a probability');
    check('lengthAbove', Number.isInteger(lengthAbove) && lengthAbove >= 0, 'a whole number from 0 on');
    check('lengthBelow', lengthBelow > lengthAbove + 1, `greater than lengthAbove + 1 = ${lengthAbove + 1}`);
    const possible = lengthAbove === 0 || (branching > 0 && maxLength(settings) > lengthAbove);
    check('lengthAbove', possible, `below ${maxLength(settings)}, the length of the largest tree`);
    this.args = new Uint8Array(maxDepth * maxArgs);
    this.branch = Math.round(branching * 2 ** 32);
  }

  /** The next expression of a stream. */
  next(stream: RandomStream): GeneratedExpression {
    for (;;) {
      this.length = 0;
      const value = this.node(stream, 1);
      if (value >= 0 && this.length > this.settings.lengthAbove) {
        return { ids: this.ids.subarray(0, this.length), value };
      }
    }
  }

  /** Writes a node and those below it; returns its value, or -1 if the expression has become too long. */
  private node(stream: RandomStream, depth: number): number {
    const { maxDepth, maxArgs, lengthBelow } = this.settings;
    if (this.length + 1 >= lengthBelow) return -1;
    if (this.length + 2 > this.ids.length) this.grow();
    if (depth >= maxDepth || stream.below(2 ** 32) >= this.branch) {
      const digit = stream.below(10);
      this.ids[this.length++] = firstDigit + digit;
      return digit;
    }
    const operator = stream.below(4);
    const count = 2 + stream.below(maxArgs - 1);
    this.ids[this.length++] = firstOperator + operator;
    const first = (depth - 1) * maxArgs;
    for (let i = 0; i < count; i++) {
      const value = this.node(stream, depth + 1);
      if (value < 0) return -1;
      this.args[first + i] = value;
    }
    if (this.length + 1 >= lengthBelow) return -1;
    if (this.length + 2 > this.ids.length) this.grow();
    this.ids[this.length++] = closing;
    return applyOperator(operator, this.args.subarray(first, first + count));
  }

  private grow(): void {
    const ids = new Uint8Array(2 * this.ids.length);
    ids.set(this.ids);
    this.ids = ids;
  }
}

/** The length of the largest possible tree. */
function maxLength({ maxDepth, maxArgs }: ListOpsSettings): number {
  let length = 1;
  for (let depth = 1; depth < maxDepth; depth++) length = 2 + maxArgs * length;
  return length;
}

/** Expressions one behind the other. */
export interface ListOpsBlock {
  /** All tokens. */
  ids: Uint8Array;
  /** The tokens of expression i are `ids[offsets[i]] .. ids[offsets[i + 1] - 1]`. */
  offsets: Int32Array;
  values: Uint8Array;
}

/** The expressions `start .. end - 1` of a seed: each has a stream of its own, so that blocks can be made in any order. */
export function generateBlock(
  settings: ListOpsSettings,
  seed: number,
  start: number,
  end: number,
): ListOpsBlock {
  const generator = new ListOpsGenerator(settings);
  const offsets = new Int32Array(end - start + 1);
  const values = new Uint8Array(end - start);
  let ids = new Uint8Array(1 << 16);
  for (let i = 0; i < values.length; i++) {
    const { ids: expression, value } = generator.next(new RandomStream(seed, 'listops', start + i));
    offsets[i + 1] = offsets[i] + expression.length;
    if (offsets[i + 1] > ids.length) {
      const larger = new Uint8Array(2 * offsets[i + 1]);
      larger.set(ids);
      ids = larger;
    }
    ids.set(expression, offsets[i]);
    values[i] = value;
  }
  return { ids: ids.slice(0, offsets[values.length]), offsets, values };
}
