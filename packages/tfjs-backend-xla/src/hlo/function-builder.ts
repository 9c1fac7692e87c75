import type { ElementType } from '@primal-attention/pjrt';
import { type Cost, operationCost } from './cost.js';
import { denseLiteral, literal } from './literals.js';
import { sameShape, sizeOf, type TensorType, tensorType } from './types.js';

/** A value in a function: its name and its type. */
export interface Value {
  readonly name: string;
  readonly type: TensorType;
}

export type Comparison = 'EQ' | 'NE' | 'LT' | 'LE' | 'GT' | 'GE';
export type Reduction = 'add' | 'multiply' | 'maximum' | 'minimum' | 'and' | 'or';
/** How exact matrix products and convolutions are; `default` leaves it to the plugin. */
export type ProductPrecision = 'default' | 'highest' | 'bf16';

/**
 * Writes the body of one StableHLO function, operation by operation.
 *
 * One method per operation, named after it, with shapes inferred; a few that combine several (`broadcastTo`, `reduce`
 * with kept dimensions) because every lowering needs them.
 */
export class FunctionBuilder {
  readonly parameters: Value[];
  readonly lines: string[] = [];
  /** What the function computes, counted while it is written. */
  readonly cost: Cost = { flops: 0, transcendentals: 0, bytes: 0 };
  productPrecision: ProductPrecision = 'default';
  /** Products of bf16 operands are rounded to bf16: for results that are stored so. */
  narrowProducts = false;
  #count = 0;
  /** What values were before they were widened from bf16 to f32, by the wide value's name. */
  readonly #widened = new Map<string, Value>();

  constructor(types: readonly TensorType[]) {
    this.parameters = types.map((type, i) => ({ name: `%a${i}`, type }));
  }

  /** Any operation, by its text without the result's name. */
  emit(text: string, type: TensorType): Value {
    const name = `%${this.#count++}`;
    this.lines.push(`${name} = ${text}`);
    return { name, type };
  }

  /** An operation with several results. */
  emitMany(text: string, types: readonly TensorType[]): Value[] {
    const name = `%${this.#count++}`;
    this.lines.push(`${name}:${types.length} = ${text}`);
    return types.map((type, i) => ({ name: `${name}#${i}`, type }));
  }

  /** Counts what {@link emit} was given: the other methods count themselves. */
  count(cost: Partial<Cost>): void {
    this.cost.flops += cost.flops ?? 0;
    this.cost.transcendentals += cost.transcendentals ?? 0;
    this.cost.bytes += cost.bytes ?? 0;
  }

  // Constants

  constant(value: number | boolean, element: ElementType, shape: readonly number[] = []): Value {
    const type = tensorType(element, shape);
    return this.emit(`stablehlo.constant dense<${literal(value, element)}> : ${type.text}`, type);
  }

  constantArray(values: ArrayLike<number | boolean>, element: ElementType, shape: readonly number[]): Value {
    const type = tensorType(element, shape);
    if (values.length === 0) return this.emit(`stablehlo.constant dense<> : ${type.text}`, type);
    const flat = tensorType(element, [values.length]);
    const value = this.emit(
      `stablehlo.constant dense<${denseLiteral(values, element)}> : ${flat.text}`,
      flat,
    );
    return this.reshape(value, shape);
  }

  iota(element: ElementType, shape: readonly number[], dimension: number): Value {
    const type = tensorType(element, shape);
    return this.emit(`stablehlo.iota dim = ${dimension} : ${type.text}`, type);
  }

  // Elementwise

  unary(op: string, x: Value, dialect: 'stablehlo' | 'chlo' = 'stablehlo'): Value {
    this.count(operationCost(op, x.type));
    const signature = dialect === 'chlo' ? `${x.type.text} -> ${x.type.text}` : x.type.text;
    return this.emit(`${dialect}.${op} ${x.name} : ${signature}`, x.type);
  }

  /** Both operands are broadcast to their common shape, as numpy does. */
  binary(op: string, a: Value, b: Value): Value {
    const [x, y] = this.broadcastTogether(a, b);
    this.count(operationCost(op, x.type));
    return this.emit(`stablehlo.${op} ${x.name}, ${y.name} : ${x.type.text}`, x.type);
  }

  compare(direction: Comparison, a: Value, b: Value): Value {
    const [x, y] = this.broadcastTogether(a, b);
    const type = tensorType('i1', x.type.shape);
    this.count(operationCost('compare', x.type));
    return this.emit(
      `stablehlo.compare ${direction}, ${x.name}, ${y.name} : (${x.type.text}, ${y.type.text}) -> ${type.text}`,
      type,
    );
  }

  select(condition: Value, whenTrue: Value, whenFalse: Value): Value {
    const shape = broadcastShape(
      broadcastShape(condition.type.shape, whenTrue.type.shape),
      whenFalse.type.shape,
    );
    const [c, t, f] = [condition, whenTrue, whenFalse].map((value) => this.broadcastTo(value, shape));
    return this.emit(
      `stablehlo.select ${c.name}, ${t.name}, ${f.name} : ${c.type.text}, ${t.type.text}`,
      t.type,
    );
  }

  convert(x: Value, element: ElementType): Value {
    if (x.type.element === element) return x;
    if (element === 'bf16') {
      const narrow = this.#widened.get(x.name);
      if (narrow !== undefined) return narrow;
    }
    const type = tensorType(element, x.type.shape);
    const result = this.emit(`stablehlo.convert ${x.name} : (${x.type.text}) -> ${type.text}`, type);
    if (x.type.element === 'bf16' && element === 'f32') this.#widened.set(result.name, x);
    return result;
  }

  /**
   * x; rounded once more where it is a bf16 value that was made float32. A compiler is free to leave out a rounding to bf16 and
   * back, and may do so at one use of a value and not at another: after this, all of them see the same number.
   */
  asStored(x: Value): Value {
    if (!this.#widened.has(x.name)) return x;
    return this.emit(`stablehlo.reduce_precision ${x.name}, format = e8m7 : ${x.type.text}`, x.type);
  }

  bitcast(x: Value, element: ElementType): Value {
    const type = tensorType(element, x.type.shape);
    return this.emit(`stablehlo.bitcast_convert ${x.name} : (${x.type.text}) -> ${type.text}`, type);
  }

  /** A constant of the value's element type, as a scalar that binary operations broadcast. */
  like(x: Value, value: number): Value {
    return this.constant(value, x.type.element);
  }

  // Shape

  reshape(x: Value, shape: readonly number[]): Value {
    if (sameShape(x.type.shape, shape)) return x;
    const narrow = this.#widened.get(x.name);
    if (narrow !== undefined) return this.convert(this.reshape(narrow, shape), 'f32');
    const type = tensorType(x.type.element, shape);
    return this.emit(`stablehlo.reshape ${x.name} : (${x.type.text}) -> ${type.text}`, type);
  }

  /** Puts dimension i of `x` at dimension `dims[i]` of the result. */
  broadcastInDim(x: Value, shape: readonly number[], dims: readonly number[]): Value {
    const type = tensorType(x.type.element, shape);
    return this.emit(
      `stablehlo.broadcast_in_dim ${x.name}, dims = [${dims.join(', ')}] : (${x.type.text}) -> ${type.text}`,
      type,
    );
  }

  /** Broadcasts as numpy does: shapes are aligned at their ends. */
  broadcastTo(x: Value, shape: readonly number[]): Value {
    if (sameShape(x.type.shape, shape)) return x;
    const offset = shape.length - x.type.shape.length;
    return this.broadcastInDim(
      x,
      shape,
      x.type.shape.map((_, i) => i + offset),
    );
  }

  broadcastTogether(a: Value, b: Value): [Value, Value] {
    const shape = broadcastShape(a.type.shape, b.type.shape);
    return [this.broadcastTo(a, shape), this.broadcastTo(b, shape)];
  }

  transpose(x: Value, permutation: readonly number[]): Value {
    if (permutation.every((from, to) => from === to)) return x;
    const narrow = this.#widened.get(x.name);
    if (narrow !== undefined) return this.convert(this.transpose(narrow, permutation), 'f32');
    const type = tensorType(
      x.type.element,
      permutation.map((from) => x.type.shape[from]),
    );
    return this.emit(
      `stablehlo.transpose ${x.name}, dims = [${permutation.join(', ')}] : (${x.type.text}) -> ${type.text}`,
      type,
    );
  }

  reverse(x: Value, dims: readonly number[]): Value {
    if (dims.length === 0) return x;
    return this.emit(`stablehlo.reverse ${x.name}, dims = [${dims.join(', ')}] : ${x.type.text}`, x.type);
  }

  slice(x: Value, begin: readonly number[], end: readonly number[], strides?: readonly number[]): Value {
    const ranges = begin.map((b, i) =>
      strides === undefined ? `${b}:${end[i]}` : `${b}:${end[i]}:${strides[i]}`,
    );
    const shape = begin.map((b, i) => Math.max(0, Math.ceil((end[i] - b) / (strides?.[i] ?? 1))));
    const type = tensorType(x.type.element, shape);
    return this.emit(
      `stablehlo.slice ${x.name} [${ranges.join(', ')}] : (${x.type.text}) -> ${type.text}`,
      type,
    );
  }

  concatenate(values: readonly Value[], dimension: number): Value {
    const shape = [...values[0].type.shape];
    shape[dimension] = values.reduce((sum, value) => sum + value.type.shape[dimension], 0);
    const type = tensorType(values[0].type.element, shape);
    const names = values.map((value) => value.name).join(', ');
    const types = values.map((value) => value.type.text).join(', ');
    return this.emit(`stablehlo.concatenate ${names}, dim = ${dimension} : (${types}) -> ${type.text}`, type);
  }

  /** Negative padding crops. */
  pad(
    x: Value,
    fill: Value,
    low: readonly number[],
    high: readonly number[],
    interior?: readonly number[],
  ): Value {
    const inner = interior ?? low.map(() => 0);
    const shape = x.type.shape.map((n, i) => n + low[i] + high[i] + Math.max(0, n - 1) * inner[i]);
    const type = tensorType(x.type.element, shape);
    return this.emit(
      `stablehlo.pad ${x.name}, ${fill.name}, low = [${low.join(', ')}], high = [${high.join(', ')}], ` +
        `interior = [${inner.join(', ')}] : (${x.type.text}, ${fill.type.text}) -> ${type.text}`,
      type,
    );
  }

  // Reductions

  reduce(op: Reduction, x: Value, axes: readonly number[], keepDims = false): Value {
    const shape = x.type.shape.filter((_, i) => !axes.includes(i));
    const kept = x.type.shape.map((n, i) => (axes.includes(i) ? 1 : n));
    if (axes.length === 0) return x;
    const type = tensorType(x.type.element, shape);
    const init = this.constant(neutralElement(op, x.type.element), x.type.element);
    this.count(operationCost(op, x.type, sizeOf(x.type.shape) - sizeOf(shape)));
    const result = this.emit(
      `stablehlo.reduce(${x.name} init: ${init.name}) applies stablehlo.${op} across dimensions = [${axes.join(', ')}] : ` +
        `(${x.type.text}, ${init.type.text}) -> ${type.text}`,
      type,
    );
    return keepDims ? this.reshape(result, kept) : result;
  }

  // Linear algebra

  /**
   * The operands of a product in the precision asked for, the element type of the product, and its precision attribute
   * (undefined: the plugin's default). For every operation that multiplies and adds: dot_general, convolution.
   */
  productOperands(
    a: Value,
    b: Value,
  ): { operands: [Value, Value]; element: ElementType; precision: 'HIGHEST' | undefined } {
    const isFloat = a.type.element === 'f32' && b.type.element === 'f32';
    if (!isFloat || this.productPrecision === 'default')
      return { operands: [a, b], element: a.type.element, precision: undefined };
    if (this.productPrecision === 'highest')
      return { operands: [a, b], element: 'f32', precision: 'HIGHEST' };
    const operands: [Value, Value] = [this.convert(a, 'bf16'), this.convert(b, 'bf16')];
    return { operands, element: this.narrowProducts ? 'bf16' : 'f32', precision: undefined };
  }

  /**
   * dot_general: batch dimensions first in the result, then the free ones of `a`, then those of `b`. Of f32 operands it is
   * f32, whatever the precision.
   */
  dotGeneral(
    left: Value,
    right: Value,
    contracting: readonly [readonly number[], readonly number[]],
    batching: readonly [readonly number[], readonly number[]] = [[], []],
  ): Value {
    const free = (value: Value, side: 0 | 1): number[] =>
      value.type.shape.filter((_, i) => !contracting[side].includes(i) && !batching[side].includes(i));
    const {
      operands: [a, b],
      element,
      precision,
    } = this.productOperands(left, right);
    const batch = batching[0].map((i) => a.type.shape[i]);
    const type = tensorType(element, [...batch, ...free(a, 0), ...free(b, 1)]);
    const batchText =
      batching[0].length === 0
        ? ''
        : `batching_dims = [${batching[0].join(', ')}] x [${batching[1].join(', ')}], `;
    const depth = contracting[0].reduce((size, i) => size * a.type.shape[i], 1);
    this.count(operationCost('add', type, 2 * sizeOf(type.shape) * depth));
    const precisionText = precision === undefined ? '' : `, precision = [${precision}, ${precision}]`;
    const product = this.emit(
      `stablehlo.dot_general ${a.name}, ${b.name}, ${batchText}contracting_dims = [${contracting[0].join(', ')}] x ` +
        `[${contracting[1].join(', ')}]${precisionText} : (${a.type.text}, ${b.type.text}) -> ${type.text}`,
      type,
    );
    return this.convert(product, left.type.element);
  }
}

/** @throws Error when the shapes do not broadcast */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new Error(`shapes [${a}] and [${b}] cannot be broadcast together`);
    shape[i] = x === 1 ? y : x;
  }
  return shape;
}

function neutralElement(op: Reduction, element: ElementType): number | boolean {
  switch (op) {
    case 'add':
      return element === 'i1' ? false : 0;
    case 'multiply':
      return element === 'i1' ? true : 1;
    case 'and':
      return true;
    case 'or':
      return false;
    case 'maximum':
      return lowest(element);
    case 'minimum':
      return highest(element);
  }
}

function lowest(element: ElementType): number | boolean {
  return element === 'i1' ? false : element === 'i32' ? -(2 ** 31) : Number.NEGATIVE_INFINITY;
}

function highest(element: ElementType): number | boolean {
  return element === 'i1' ? true : element === 'i32' ? 2 ** 31 - 1 : Number.POSITIVE_INFINITY;
}
