import type { TileArray, TileDtype, TileProgram } from '@primal-attention/runtime';

const elements: Readonly<Partial<Record<TileDtype, string>>> = { float32: 'f32', bfloat16: 'bf16' };

/** An elementwise kernel: what it computes from tiles %x0, %x1, .. of float32 (type T) into %z0, %z1, .. */
interface Elementwise {
  readonly name: string;
  readonly body: readonly string[];
  readonly operands: number;
  readonly results: number;
}

const sum: Elementwise = { name: 'axpy', body: ['%z0 = arith.addf %x0, %x1 : T'], operands: 2, results: 1 };
const product: Elementwise = {
  name: 'product',
  body: ['%z0 = arith.mulf %x0, %x1 : T'],
  operands: 2,
  results: 1,
};
/** Of x, y and the gradient of x y. */
const productGradient: Elementwise = {
  name: 'product_gradient',
  body: ['%z0 = arith.mulf %x2, %x1 : T', '%z1 = arith.mulf %x2, %x0 : T'],
  operands: 3,
  results: 2,
};

export const kernels = { sum, product, productGradient };

/** How a kernel is launched, and what its arrays are. */
export interface Launch {
  /** Elements of each program's tile, a power of two that divides the array. */
  readonly block?: number;
  readonly numWarps?: number;
  readonly dtype?: 'float32' | 'bfloat16';
  readonly aliases?: TileProgram['aliases'];
}

/** An elementwise kernel on arrays of one shape, in Triton IR. @throws Error when the tiles do not fit the array */
export function elementwise(
  { name, body, operands, results }: Elementwise,
  shape: readonly number[],
  { block = 1024, numWarps = 4, dtype = 'float32', aliases }: Launch = {},
): TileProgram {
  const size = shape.reduce((product, n) => product * n, 1);
  if (size % block !== 0) throw new Error(`${name}: tiles of ${block} do not make ${size} elements`);
  const element = elements[dtype]!;
  const isWide = dtype === 'float32';
  const stored = `tensor<${block}x${element}>`;
  const wide = `tensor<${block}xf32>`;
  const pointers = `tensor<${block}x!tt.ptr<${element}>>`;
  const offsets = `tensor<${block}xi32>`;
  const names = [...count(operands, '%p'), ...count(results, '%q')];
  const address = (name: string): string[] => [
    `${name}s = tt.splat ${name} : !tt.ptr<${element}> -> ${pointers}`,
    `${name}a = tt.addptr ${name}s, %offsets : ${pointers}, ${offsets}`,
  ];
  const lines = [
    '%program = tt.get_program_id x : i32',
    `%block = arith.constant ${block} : i32`,
    '%start = arith.muli %program, %block : i32',
    `%range = tt.make_range {end = ${block} : i32, start = 0 : i32} : ${offsets}`,
    `%starts = tt.splat %start : i32 -> ${offsets}`,
    `%offsets = arith.addi %starts, %range : ${offsets}`,
    ...count(operands, '%p').flatMap((pointer, i) => [
      ...address(pointer),
      `%${isWide ? 'x' : 'n'}${i} = tt.load ${pointer}a : ${pointers}`,
      ...(isWide ? [] : [`%x${i} = arith.extf %n${i} : ${stored} to ${wide}`]),
    ]),
    ...body.map((line) => line.replaceAll(': T', `: ${wide}`)),
    ...count(results, '%q').flatMap((pointer, i) => [
      ...address(pointer),
      ...(isWide ? [] : [`%o${i} = arith.truncf %z${i} : ${wide} to ${stored}`]),
      `tt.store ${pointer}a, %${isWide ? 'z' : 'o'}${i} : ${pointers}`,
    ]),
    'tt.return',
  ];
  const parameters = names.map((name) => `${name}: !tt.ptr<${element}> {tt.divisibility = 16 : i32}`);
  const array: TileArray = { shape, dtype };
  return {
    name,
    ir: `module {\n  tt.func public @${name}(${parameters.join(', ')}) {\n${lines.map((line) => `    ${line}\n`).join('')}  }\n}\n`,
    grid: [size / block, 1, 1],
    numWarps,
    numStages: 1,
    operands: new Array(operands).fill(array),
    results: new Array(results).fill(array),
    aliases,
    flops: size * body.length,
    bytes: size * (operands + results) * (isWide ? 4 : 2),
  };
}

function count(length: number, name: string): string[] {
  return Array.from({ length }, (_, i) => `${name}${i}`);
}
