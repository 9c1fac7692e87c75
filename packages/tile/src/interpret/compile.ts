import { type Dtype, isFloat } from '../language/dtype.js';
import type { Op } from '../language/op.js';
import type { Place } from '../language/pointer.js';
import { roundAll, roundToTf32 } from '../language/rounding.js';
import type { Tile } from '../language/tile.js';
import type { Memory, Values } from './memory.js';
import { broadcastPlaces, transposePlaces } from './places.js';
import { binaryFunction, comparisons, toInteger, unaryFunction } from './scalars.js';

type OpOf<K extends Op['kind']> = Extract<Op, { kind: K }>;

/** Which program runs. */
export interface Program {
  /** Its place in the grid. */
  id: readonly [number, number, number];
  /** Its number, from 0. */
  number: number;
}

/** Does one operation, for the program that runs. */
type Step = () => void;

/** An element of an array. */
interface Location {
  readonly memory: Memory;
  readonly first: number;
}

/** A failure inside an operation, with what is known of where. */
export class Failure extends Error {}

/** Makes closures of operations. Each tile has one array, written anew whenever its operation runs. */
export class Compiler {
  readonly #values = new Map<Tile, Values>();

  constructor(
    readonly memories: ReadonlyMap<string, Memory>,
    readonly program: Program,
    readonly options: { readonly roundTf32: boolean },
  ) {}

  block(ops: readonly Op[]): Step {
    const steps = ops.map((op) => this.#op(op));
    return () => {
      for (const step of steps) step();
    };
  }

  #make(tile: Tile): Values {
    const values = newTile(tile.dtype, tile.size);
    this.#values.set(tile, values);
    return values;
  }

  #of(tile: Tile): Values {
    const values = this.#values.get(tile);
    if (values === undefined) throw new Error('interpret: a value is used before it is made');
    return values;
  }

  #op(op: Op): Step {
    switch (op.kind) {
      case 'programId': {
        const out = this.#make(op.result);
        return () => {
          out[0] = this.program.id[op.axis];
        };
      }
      case 'constant':
        this.#make(op.result).fill(op.value);
        return nothing;
      case 'arange': {
        const out = this.#make(op.result);
        for (let i = 0; i < out.length; i++) out[i] = op.start + i;
        return nothing;
      }
      case 'unary': {
        const f = unaryFunction(op.name, op.operand.dtype);
        return map1(f, this.#of(op.operand), this.#make(op.result));
      }
      case 'binary': {
        const f = binaryFunction(op.name, op.left.dtype);
        const step = map2(f, this.#of(op.left), this.#of(op.right), this.#make(op.result));
        return this.#located(op.name, op.site, step);
      }
      case 'comparison': {
        const f = comparisons[op.name];
        return map2(
          (a, b) => (f(a, b) ? 1 : 0),
          this.#of(op.left),
          this.#of(op.right),
          this.#make(op.result),
        );
      }
      case 'where': {
        const [on, yes, no] = [this.#of(op.condition), this.#of(op.left), this.#of(op.right)];
        const out = this.#make(op.result);
        return () => {
          for (let i = 0; i < out.length; i++) out[i] = on[i] === 1 ? yes[i] : no[i];
        };
      }
      case 'cast':
        return this.#cast(op);
      case 'expandDims':
      case 'reshape':
        // The same elements in the same order.
        this.#values.set(op.result, this.#of(op.operand));
        return nothing;
      case 'broadcast':
        return this.#gather(op, broadcastPlaces(op.operand.shape, op.result.shape));
      case 'transpose':
        return this.#gather(op, transposePlaces(op.operand.shape, op.order));
      case 'reduction':
        return this.#reduction(op);
      case 'dot':
        return this.#dot(op);
      case 'load':
        return this.#load(op);
      case 'store':
        return this.#store(op);
      case 'loop':
        return this.#loop(op);
    }
  }

  #gather({ operand, result }: { operand: Tile; result: Tile }, places: Int32Array): Step {
    const [from, out] = [this.#of(operand), this.#make(result)];
    return () => {
      for (let i = 0; i < out.length; i++) out[i] = from[places[i]];
    };
  }

  #cast({ operand, result, site }: OpOf<'cast'>): Step {
    const [from, out] = [this.#of(operand), this.#make(result)];
    const { dtype } = result;
    if (isFloat(operand.dtype) && (dtype === 'int32' || dtype === 'uint32')) {
      return this.#located(
        'cast',
        site,
        map1((x) => toInteger(x, dtype), from, out),
      );
    }
    return () => {
      out.set(from);
      if (out instanceof Float32Array) roundAll(dtype, out);
    };
  }

  #reduction({ name, axis, operand, result }: OpOf<'reduction'>): Step {
    const [from, out] = [this.#of(operand), this.#make(result)];
    const count = operand.shape[axis];
    const inner = operand.shape.slice(axis + 1).reduce((size, n) => size * n, 1);
    const combine = name === 'sum' ? (a: number, b: number) => a + b : name === 'max' ? Math.max : Math.min;
    return () => {
      for (let i = 0; i < out.length; i++) {
        const first = Math.floor(i / inner) * count * inner + (i % inner);
        // Float sums are exact up to one rounding; sums of integers stay below 2^53 and wrap when they are stored.
        let value = from[first];
        for (let n = 1; n < count; n++) value = combine(value, from[first + n * inner]);
        out[i] = value;
      }
    };
  }

  #dot({ left, right, accumulator, precision, result }: OpOf<'dot'>): Step {
    const [a, b, out] = [this.#of(left), this.#of(right), this.#make(result)];
    const start = accumulator && this.#of(accumulator);
    const [rows, shared] = left.shape;
    const columns = right.shape[1];
    const rounds = precision === 'tf32' && this.options.roundTf32;
    const sums = new Float64Array(columns);
    return () => {
      const x = rounds ? inTf32(a) : a;
      const y = rounds ? inTf32(b) : b;
      for (let i = 0; i < rows; i++) {
        if (start === undefined) sums.fill(0);
        else for (let j = 0; j < columns; j++) sums[j] = start[i * columns + j];
        for (let k = 0; k < shared; k++) {
          const factor = x[i * shared + k];
          for (let j = 0; j < columns; j++) sums[j] += factor * y[k * columns + j];
        }
        out.set(sums, i * columns);
      }
    };
  }

  /** How to find the array and the element in it that a pointer points to. */
  #locate(place: Place): () => Location {
    if (place.kind === 'array') {
      const { name } = place.parameter;
      const memory = this.memories.get(name);
      if (memory === undefined) throw new Error(`interpret: there is no array ${name}`);
      const start = { memory, first: 0 };
      return () => start;
    }
    if (place.kind === 'moved') {
      const [from, by] = [this.#locate(place.from), this.#of(place.by)];
      return () => {
        const { memory, first } = from();
        return { memory, first: first + by[0] };
      };
    }
    const [left, right] = [this.#locate(place.left), this.#locate(place.right)];
    const condition = this.#of(place.condition);
    return () => (condition[0] === 1 ? left() : right());
  }

  #load({ pointer, offsets, mask, other, result, site }: OpOf<'load'>): Step {
    const locate = this.#locate(pointer.place);
    const [at, wanted] = [this.#of(offsets), mask && this.#of(mask)];
    const filler = other && this.#of(other);
    const out = this.#make(result);
    return this.#located('load', site, () => {
      const { memory, first } = locate();
      const { number } = this.program;
      for (let i = 0; i < out.length; i++) {
        out[i] = wanted?.[i] === 0 ? (filler as Values)[i] : memory.read(first + at[i], number);
      }
    });
  }

  #store({ pointer, offsets, mask, value, site }: OpOf<'store'>): Step {
    const locate = this.#locate(pointer.place);
    const [at, wanted, given] = [this.#of(offsets), mask && this.#of(mask), this.#of(value)];
    return this.#located('store', site, () => {
      const { memory, first } = locate();
      const { number } = this.program;
      memory.beginStore();
      for (let i = 0; i < at.length; i++) {
        if (wanted?.[i] !== 0) memory.write(first + at[i], given[i], number);
      }
    });
  }

  #loop({ from, to, step, index, initial, carried, next, results, body, site }: OpOf<'loop'>): Step {
    const [start, end, stride] = [this.#of(from), this.#of(to), this.#of(step)];
    const begins = initial.map((tile) => this.#of(tile));
    const i = this.#make(index);
    const slots = carried.map((tile) => this.#make(tile));
    const run = this.block(body.ops);
    const ends = next.map((tile) => this.#of(tile));
    // What the body hands on may be what it got, under another name: then it must be put aside first.
    const aside = ends.map((values) => (slots.includes(values) ? values.slice() : undefined));
    for (const [n, tile] of results.entries()) this.#values.set(tile, slots[n]);
    const check = this.#located('loop', site, () => {
      if (stride[0] <= 0) throw new Error(`the step must be 1 or more, got ${stride[0]}`);
    });
    return () => {
      check();
      for (const [n, slot] of slots.entries()) slot.set(begins[n]);
      const last = end[0];
      for (let at = start[0]; at < last; at += stride[0]) {
        i[0] = at;
        run();
        for (const [n, values] of ends.entries()) aside[n]?.set(values);
        for (const [n, slot] of slots.entries()) slot.set(aside[n] ?? ends[n]);
      }
    };
  }

  /** The step, whose errors say which program and which line of the kernel they come from. */
  #located(operation: string, site: { readonly line: string }, step: Step): Step {
    return () => {
      try {
        step();
      } catch (error) {
        if (!(error instanceof Error) || error instanceof Failure) throw error;
        const { id } = this.program;
        throw new Failure(`${operation}: ${error.message}, in program (${id.join(', ')}) (${site.line})`);
      }
    };
  }
}

function nothing(): void {}

function newTile(dtype: Dtype, size: number): Values {
  if (dtype === 'int32') return new Int32Array(size);
  if (dtype === 'uint32') return new Uint32Array(size);
  return dtype === 'bool' ? new Uint8Array(size) : new Float32Array(size);
}

function map1(f: (x: number) => number, x: Values, out: Values): Step {
  return () => {
    for (let i = 0; i < out.length; i++) out[i] = f(x[i]);
  };
}

function map2(f: (a: number, b: number) => number, a: Values, b: Values, out: Values): Step {
  return () => {
    for (let i = 0; i < out.length; i++) out[i] = f(a[i], b[i]);
  };
}

function inTf32(values: Values): Float32Array {
  const rounded = Float32Array.from(values);
  roundToTf32(rounded);
  return rounded;
}
