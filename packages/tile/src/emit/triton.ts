import type { Dtype } from '../language/dtype.js';
import type { Kernel } from '../language/kernel.js';
import type { Op, UnaryName } from '../language/op.js';
import type { Place, Pointer } from '../language/pointer.js';
import { Tile } from '../language/tile.js';
import { binaryOp, castOp, comparisonOp, reductionOp } from './elementwise.js';
import { elementTypes, literal, shaped, typeOf } from './types.js';

type OpOf<K extends Op['kind']> = Extract<Op, { kind: K }>;

/**
 * The kernel as Triton IR, one module as text, in the syntax of the Triton inside jaxlib 0.11.2.
 *
 * The text is straightforward: repeated and unused values, and loads that do not change in a loop, are left to the compiler.
 */
export function tritonIr(kernel: Kernel): string {
  const parameters = kernel.parameters.map(
    // XLA's arrays begin at multiples of 16 bytes or more; knowing it, loads take 16 bytes at once.
    ({ name, dtype }) => `%${name}: ${pointerTo(dtype)} {tt.divisibility = 16 : i32}`,
  );
  const writer = new Writer();
  writer.block(kernel.body.ops, '    ');
  return [
    'module {',
    `  tt.func public @${kernel.name}(${parameters.join(', ')}) {`,
    ...writer.lines,
    '    tt.return',
    '  }',
    '}',
    '',
  ].join('\n');
}

class Writer {
  readonly lines: string[] = [];
  readonly #names = new Map<Tile, string>();
  #count = 0;
  #indent = '';

  block(ops: readonly Op[], indent: string): void {
    const before = this.#indent;
    this.#indent = indent;
    for (const op of ops) this.#op(op);
    this.#indent = before;
  }

  #line(text: string): void {
    this.lines.push(this.#indent + text);
  }

  #fresh(): string {
    return `%${this.#count++}`;
  }

  /** A name for a value that is about to be defined. */
  #define(tile: Tile): string {
    const name = this.#fresh();
    this.#names.set(tile, name);
    return name;
  }

  #name(tile: Tile): string {
    const name = this.#names.get(tile);
    if (name === undefined) throw new Error('emit: a value is used before it is made');
    return name;
  }

  #list(...tiles: readonly (Tile | undefined)[]): string {
    return tiles.flatMap((tile) => (tile === undefined ? [] : [this.#name(tile)])).join(', ');
  }

  #op(op: Op): void {
    if (op.kind === 'store') {
      const places = this.#places(op.pointer, op.offsets);
      this.#line(
        `tt.store ${places}, ${this.#list(op.value, op.mask)} : ${pointersTo(op.pointer, op.offsets)}`,
      );
    } else if (op.kind === 'loop') {
      this.#loop(op);
    } else if (op.kind === 'reduction') {
      this.#reduction(op);
    } else if (op.kind === 'cast' && castOp(op.operand.dtype, op.result.dtype) === undefined) {
      this.#names.set(op.result, this.#name(op.operand));
    } else {
      const text = this.#expression(op);
      this.#line(`${this.#define(op.result)} = ${text}`);
    }
  }

  /** What stands right of the `=`. Helpers that it needs get lines of their own. */
  #expression(op: Exclude<Op, OpOf<'store' | 'loop' | 'reduction'>>): string {
    switch (op.kind) {
      case 'programId':
        return `tt.get_program_id ${'xyz'[op.axis]} : i32`;
      case 'constant':
        return constant(op.result, op.value);
      case 'arange': {
        const end = op.start + op.result.shape[0];
        return `tt.make_range {end = ${end} : i32, start = ${op.start} : i32} : ${typeOf(op.result)}`;
      }
      case 'unary':
        return this.#unary(op);
      case 'binary':
        return `${binaryOp(op.name, op.result.dtype)} ${this.#list(op.left, op.right)} : ${typeOf(op.result)}`;
      case 'comparison':
        return `${comparisonOp(op.name, op.left.dtype)}, ${this.#list(op.left, op.right)} : ${typeOf(op.left)}`;
      case 'where': {
        // A scalar's condition needs no type.
        const condition = op.condition.rank === 0 ? '' : `${typeOf(op.condition)}, `;
        return `arith.select ${this.#list(op.condition, op.left, op.right)} : ${condition}${typeOf(op.result)}`;
      }
      case 'cast': {
        const cast = castOp(op.operand.dtype, op.result.dtype);
        return `${cast} ${this.#name(op.operand)} : ${typeOf(op.operand)} to ${typeOf(op.result)}`;
      }
      case 'broadcast':
        return this.#reshaped(op.operand.rank === 0 ? 'tt.splat' : 'tt.broadcast', op);
      case 'expandDims':
        return this.#reshaped('tt.expand_dims', op, ` {axis = ${op.axis} : i32}`);
      case 'reshape':
        return this.#reshaped('tt.reshape', op);
      case 'transpose':
        return this.#reshaped('tt.trans', op, ` {order = array<i32: ${op.order.join(', ')}>}`);
      case 'dot':
        return this.#dot(op);
      case 'load': {
        const places = this.#places(op.pointer, op.offsets);
        const rest = op.mask === undefined ? '' : `, ${this.#list(op.mask, op.other)}`;
        return `tt.load ${places}${rest} : ${pointersTo(op.pointer, op.offsets)}`;
      }
    }
  }

  #reshaped(op: string, { operand, result }: { operand: Tile; result: Tile }, attributes = ''): string {
    return `${op} ${this.#name(operand)}${attributes} : ${typeOf(operand)} -> ${typeOf(result)}`;
  }

  /** A constant that the text needs and the kernel does not name. */
  #helper(value: number, dtype: Dtype, like: Tile): string {
    const name = this.#fresh();
    this.#line(`${name} = ${constant(new Tile(dtype, like.shape, like.block), value)}`);
    return name;
  }

  #unary({ name, operand }: OpOf<'unary'>): string {
    const { dtype } = operand;
    const [given, type] = [this.#name(operand), typeOf(operand)];
    if (name === 'not') {
      return `arith.xori ${given}, ${this.#helper(dtype === 'bool' ? 1 : -1, dtype, operand)} : ${type}`;
    }
    if (name === 'neg') {
      // Triton does not know arith.negf; -0 - x is -x for zeros, too.
      const zero = this.#helper(dtype === 'int32' ? 0 : -0, dtype, operand);
      return `${binaryOp('sub', dtype)} ${zero}, ${given} : ${type}`;
    }
    if (name === 'abs') return `${dtype === 'int32' ? 'math.absi' : 'math.absf'} ${given} : ${type}`;
    const instruction = instructions[name];
    if (instruction !== undefined) return byInstruction(instruction, given, type);
    return `math.${name} ${given} : ${type}`;
  }

  #dot({ left, right, accumulator, precision, result }: OpOf<'dot'>): string {
    const sum = accumulator ? this.#name(accumulator) : this.#helper(0, 'float32', result);
    const how = precision === 'tf32' ? ', inputPrecision = tf32' : '';
    const types = `${typeOf(left)} * ${typeOf(right)} -> ${typeOf(result)}`;
    return `tt.dot ${this.#list(left, right)}, ${sum}${how} : ${types}`;
  }

  /** The address that a pointer holds. */
  #address(place: Place, type: string): string {
    if (place.kind === 'array') return `%${place.parameter.name}`;
    const text =
      place.kind === 'moved'
        ? `tt.addptr ${this.#address(place.from, type)}, ${this.#name(place.by)} : ${type}, i32`
        : `arith.select ${this.#name(place.condition)}, ${this.#address(place.left, type)}, ${this.#address(place.right, type)} : ${type}`;
    const made = this.#fresh();
    this.#line(`${made} = ${text}`);
    return made;
  }

  /** The addresses of elements: where the pointer points, then one offset for each element. */
  #places({ dtype, place }: Pointer, offsets: Tile): string {
    const pointer = pointerTo(dtype);
    let at = this.#address(place, pointer);
    const types = shaped(offsets.shape, pointer);
    if (offsets.rank > 0) {
      const all = this.#fresh();
      this.#line(`${all} = tt.splat ${at} : ${pointer} -> ${types}`);
      at = all;
    }
    const places = this.#fresh();
    this.#line(`${places} = tt.addptr ${at}, ${this.#name(offsets)} : ${types}, ${typeOf(offsets)}`);
    return places;
  }

  #reduction({ name, axis, operand, result }: OpOf<'reduction'>): void {
    const element = elementTypes[operand.dtype];
    const given = this.#name(operand);
    const [a, b, both] = [this.#fresh(), this.#fresh(), this.#fresh()];
    this.#line(`${this.#define(result)} = "tt.reduce"(${given}) <{axis = ${axis} : i32}> ({`);
    this.#line(`^bb0(${a}: ${element}, ${b}: ${element}):`);
    this.#line(`  ${both} = ${reductionOp(name, operand.dtype)} ${a}, ${b} : ${element}`);
    this.#line(`  tt.reduce.return ${both} : ${element}`);
    this.#line(`}) : (${typeOf(operand)}) -> ${typeOf(result)}`);
  }

  #loop({ from, to, step, index, initial, carried, next, results, body }: OpOf<'loop'>): void {
    const bounds = `${this.#name(from)} to ${this.#name(to)} step ${this.#name(step)}`;
    const starts = initial.map((tile) => this.#name(tile));
    const name = this.#fresh();
    const counter = this.#define(index);
    const types = carried.map(typeOf).join(', ');
    const bound = carried.map((tile, i) => `${this.#define(tile)} = ${starts[i]}`).join(', ');
    const several = results.length > 1;
    const head = results.length === 0 ? '' : `${name}${several ? `:${results.length}` : ''} = `;
    const args = results.length === 0 ? '' : ` iter_args(${bound}) -> (${types})`;
    this.#line(`${head}scf.for ${counter} = ${bounds}${args}  : i32 {`);
    this.block(body.ops, `${this.#indent}  `);
    if (results.length > 0) this.#line(`  scf.yield ${this.#list(...next)} : ${types}`);
    this.#line('}');
    for (const [i, tile] of results.entries()) this.#names.set(tile, several ? `${name}#${i}` : name);
  }
}

function constant(result: Tile, value: number): string {
  const text = literal(value, result.dtype);
  if (result.rank > 0) return `arith.constant dense<${text}> : ${typeOf(result)}`;
  // Truth values carry no type.
  return `arith.constant ${text}${result.dtype === 'bool' ? '' : ` : ${typeOf(result)}`}`;
}

function pointerTo(dtype: Dtype): string {
  return `!tt.ptr<${elementTypes[dtype]}>`;
}

function pointersTo({ dtype }: Pointer, offsets: Tile): string {
  return shaped(offsets.shape, pointerTo(dtype));
}

/**
 * Functions as an instruction of PTX that takes numbers below 2^-126, and gives them, as 0: Triton's own form spends four more
 * instructions on those, which nothing here needs.
 */
const instructions: Readonly<Partial<Record<UnaryName, string>>> = {
  exp2: 'ex2.approx.ftz.f32',
  rsqrt: 'rsqrt.approx.ftz.f32',
};

function byInstruction(instruction: string, given: string, type: string): string {
  const attributes = '{constraints = "=f,f", packed_element = 1 : i32, pure = true}';
  return `tt.elementwise_inline_asm "${instruction} $0, $1;" ${attributes} ${given} : ${type} -> ${type}`;
}
