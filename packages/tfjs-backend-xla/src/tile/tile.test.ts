import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PjrtError } from '@primal-attention/pjrt';
import { checkpoint, costOf, jit, scan, tileCall } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
// What was built: its kernels are registered with tfjs.
import { registerKernelsOf } from '../../dist/kernels.js';
import { DiskCache } from '../disk-cache/disk-cache.js';
import { Notes } from '../disk-cache/notes.js';
import { FunctionBuilder, type Value } from '../hlo/function-builder.js';
import { stringLiteral } from '../hlo/literals.js';
import { tensorType } from '../hlo/types.js';
import { xla } from '../testing/compare.js';
import { moduleOf, tileCall as writeTileCall } from './call.js';
import { measure, measuredModule } from './measure.js';
import { probe, probeModule, summary } from './probe.js';
import type { TileArray, TileProgram } from './program.js';

const array = (dtype: TileArray['dtype'], ...shape: number[]): TileArray => ({ shape, dtype });

/** z = x + y, as far as the device below is concerned. */
const sum = (of: TileArray = array('float32', 2, 3), rest: Partial<TileProgram> = {}): TileProgram => ({
  name: 'sum',
  ir: 'module {\n  tt.func public @sum(%x: "a\\b")\n}',
  grid: [2, 1, 1],
  numWarps: 4,
  numStages: 3,
  operands: [of, of],
  results: [of],
  flops: 6,
  bytes: 100,
  ...rest,
});

/** A program that calls the kernel, of parameters of the given types. */
function written(
  program: TileProgram,
  elements: ('f32' | 'bf16' | 'i32')[],
): { b: FunctionBuilder; results: Value[] } {
  const b = new FunctionBuilder(elements.map((element, i) => tensorType(element, program.operands[i].shape)));
  return { b, results: writeTileCall(b, program, b.parameters) };
}

/** What the CPU's plugin says to a program: it must know everything in it but the kernel. */
const compile = (module: string) => () => xla().client.compile(module);
const isCpu = tf.getBackend() === 'xla' && xla().client.platformName === 'cpu';
const unknownTarget = /No FFI handler registered for __gpu\$xla\.gpu\.triton/;

describe('the text of a call', () => {
  it('carries the kernel, its launch and its arrays', () => {
    const { b, results } = written(sum(), ['f32', 'f32']);
    expect(b.lines).toEqual([
      '%0 = stablehlo.custom_call @__gpu$xla.gpu.triton(%a0, %a1) {backend_config = "", mhlo.backend_config = {name = "sum", ' +
        'num_warps = 4 : i32, num_stages = 3 : i32, grid_x = 2 : i32, grid_y = 1 : i32, grid_z = 1 : i32, debug = false, ' +
        'ir = "module {\\0A  tt.func public @sum(%x: \\22a\\5Cb\\22)\\0A}"}, ' +
        'operand_layouts = [dense<[1, 0]> : tensor<2xindex>, dense<[1, 0]> : tensor<2xindex>], ' +
        'result_layouts = [dense<[1, 0]> : tensor<2xindex>]} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>',
    ]);
    expect(results[0].type.text).toBe('tensor<2x3xf32>');
    expect(b.cost.flops).toBe(6);
    // The fragment adds the bytes of operands and results to what was counted.
    expect(b.cost.bytes + 3 * 24).toBe(100);
    if (isCpu) expect(compile(moduleOf(b, results))).toThrow(unknownTarget);
  });

  it('converts operands that are stored in another way, and leaves results as they are written', () => {
    const narrow = sum(array('bfloat16', 4));
    const { b, results } = written(narrow, ['f32', 'bf16']);
    expect(b.lines[0]).toContain('stablehlo.convert %a0 : (tensor<4xf32>) -> tensor<4xbf16>');
    expect(b.lines[1]).toContain('(%0, %a1)');
    expect(results.map(({ type }) => type.text)).toEqual(['tensor<4xbf16>']);
    const half = written(sum(array('float16', 4)), ['f32', 'f32']);
    expect(half.results.map(({ type }) => type.text)).toEqual(['tensor<4xf32>']);
    if (isCpu) expect(compile(moduleOf(half.b, half.results))).toThrow(unknownTarget);
  });

  it('has several results, scalars, unsigned integers and results in the memory of operands', () => {
    const program = sum(array('float32', 8), {
      operands: [array('float32', 8), array('uint32')],
      results: [array('float32', 8), array('int32')],
      aliases: [
        { result: 0, operand: 0 },
        { result: 1, operand: 1 },
      ],
    });
    expect(() => written(program, ['f32', 'i32'])).toThrow(
      /result 1 \(int32 \[\]\) cannot take the memory of operand 1 \(uint32 \[\]\)/,
    );
    const { b, results } = written({ ...program, aliases: [{ result: 0, operand: 0 }] }, ['f32', 'i32']);
    expect(b.lines.at(-1)).toMatch(
      /^%0:2 = .*output_operand_aliases = \[#stablehlo\.output_operand_alias<output_tuple_indices = \[0\], operand_index = 0, operand_tuple_indices = \[\]>\]/,
    );
    expect(b.lines.at(-1)).toContain(
      'operand_layouts = [dense<0> : tensor<1xindex>, dense<> : tensor<0xindex>]',
    );
    if (isCpu) expect(compile(moduleOf(b, results))).toThrow(unknownTarget);
    const single = written(sum(array('float32', 8), { aliases: [{ result: 0, operand: 1 }] }), [
      'f32',
      'f32',
    ]);
    expect(single.b.lines[0]).toContain('output_tuple_indices = [], operand_index = 1');
    if (isCpu) expect(compile(moduleOf(single.b, single.results))).toThrow(unknownTarget);
  });

  it.each([
    [{ grid: [0, 1, 1] }, /'sum': the grid must be three counts.*got \[0,1,1\]/],
    [{ grid: [1, 70000, 1] }, /y and z at most 65535/],
    [{ numWarps: 3 }, /power of two from 1 to 32, got 3/],
    [{ numStages: 0 }, /numStages must be a count.*got 0/],
    [{ results: [] }, /at least one result/],
    [{ aliases: [{ result: 1, operand: 0 }] }, /alias of result 1 and operand 0, of 1 and 2/],
    [{ results: [array('float8' as never, 2, 3)] }, /dtype must be one of float32, bfloat16.*got 'float8'/],
  ] as [Partial<TileProgram>, RegExp][])('refuses %j', (wrong, message) => {
    expect(() => written(sum(undefined, wrong), ['f32', 'f32'])).toThrow(message);
  });

  it('strings are what MLIR reads', () => {
    expect(stringLiteral('a "b"\n\\ é')).toBe('"a \\22b\\22\\0A\\5C \\C3\\A9"');
  });
});

describe.runIf(isCpu)('a plugin that knows no such kernels', () => {
  it('says so to the probe, and compiles the rest of its program', () => {
    expect(probe(xla().client, xla().executables)).toMatch(/^[A-Z_]+: .*__gpu\$xla\.gpu\.triton/);
    expect(compile(probeModule())).toThrow(unknownTarget);
    expect(compile(measuredModule(sum()))).toThrow(unknownTarget);
    expect(() => xla().measureTile(sum())).toThrow(unknownTarget);
  });

  it('does not offer the kernel', () => {
    expect(tf.getKernel('TileCall', 'xla')).toBeUndefined();
  });
});

describe('the probe', () => {
  /** What it says where the plugin answers so. */
  const probed = (code: PjrtError['code']) => {
    const { client } = xla();
    const compile = (): never => {
      throw new PjrtError(code, 'as it says', 'Client_Compile');
    };
    return () => probe(client, { compile } as unknown as Parameters<typeof probe>[1]);
  };

  it.each(['INVALID_ARGUMENT', 'UNIMPLEMENTED', 'INTERNAL'] as const)('takes %s for a refusal', (code) => {
    expect(probed(code)()).toBe(`${code}: as it says`);
  });

  it.each(['RESOURCE_EXHAUSTED', 'UNAVAILABLE', 'ABORTED'] as const)('takes %s for none', (code) => {
    expect(probed(code)).toThrow(PjrtError);
  });

  it('throws what goes wrong when the kernel is compiled', () => {
    let disposed = 0;
    const execute = (): never => {
      throw new PjrtError('RESOURCE_EXHAUSTED', 'out of memory', 'LoadedExecutable_Execute');
    };
    const executable = { argumentList: () => new BigUint64Array(2), execute, dispose: () => disposed++ };
    const executables = { compile: () => executable } as unknown as Parameters<typeof probe>[1];
    expect(() => probe(xla().client, executables)).toThrow(/RESOURCE_EXHAUSTED/);
    expect(disposed).toBe(1);
  });
});

it('a message of the plugin is told without the text of the kernel, on one line', () => {
  const error = new PjrtError(
    'INVALID_ARGUMENT',
    'Failed to parse:\nno such op\ninput ir: "module {"',
    'Client_Compile',
  );
  expect(summary(error)).toBe('INVALID_ARGUMENT: Failed to parse: no such op');
});

it('notes outlive the process where there is a disk cache', () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'notes-')), 'cache');
  const disk = (environment: string) => new DiskCache({ folder, limit: 2 ** 20, environment });
  expect(new Notes(disk('a')).read('choice')).toBeUndefined();
  new Notes(disk('a')).write('choice', 'two µs');
  expect(readdirSync(folder).length).toBe(1);
  expect(new Notes(disk('a')).read('choice')).toBe('two µs');
  expect(new Notes(disk('a')).read('other')).toBeUndefined();
  // Another device, plugin or driver.
  expect(new Notes(disk('b')).read('choice')).toBeUndefined();
  const [file] = readdirSync(folder);
  writeFileSync(join(folder, file), 'damaged');
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  expect(new Notes(disk('a')).read('choice')).toBeUndefined();
  expect(warn.mock.calls.join()).toMatch(
    /cannot use .*, so launches of kernels are chosen again: it is no cache entry/,
  );
  warn.mockRestore();
  const memory = new Notes(undefined);
  memory.write('choice', 'one');
  expect(memory.read('choice')).toBe('one');
  expect(existsSync(folder)).toBe(true);
});

const calls =
  /stablehlo\.custom_call @__gpu\$xla\.gpu\.triton\((%[\w#]+), (%[\w#]+)\) \{.*\} : \(.*\) -> (.*)/g;
/** A program whose calls of a kernel are an operation of XLA's. */
const withoutCalls = (module: string, operation = 'add'): string =>
  module.replaceAll(calls, `stablehlo.${operation} $1, $2 : $3`);

/*
 * A CPU as a device that runs one kernel, x + y: calls of it are replaced in the programs' text, just before they are
 * compiled. Everything else is what a GPU gets.
 */
describe.runIf(isCpu)('in programs', () => {
  const modules: string[] = [];
  beforeAll(() => {
    registerKernelsOf('cuda');
    xla().tileRefusal = () => undefined;
    const { executables } = xla();
    for (const method of ['compile', 'compileAsync'] as const) {
      const original = executables[method] as (module: string) => never;
      executables[method] = function (this: typeof executables, module: string) {
        modules.push(module);
        return original.call(this, withoutCalls(module));
      };
    }
  });
  afterAll(() => {
    tf.unregisterKernel('TileCall', 'xla');
    for (const method of ['compile', 'compileAsync'])
      delete (xla().executables as unknown as Record<string, unknown>)[method];
    delete (xla() as unknown as Record<string, unknown>).tileRefusal;
  });
  afterEach(() => {
    modules.length = 0;
  });

  // A plain formulation that gives itself away.
  const plain = (x: tf.Tensor, y: tf.Tensor): tf.Tensor[] => [tf.add(tf.add(x, y), 100)];
  const add = (x: tf.Tensor, y: tf.Tensor, program = sum()): tf.Tensor =>
    tileCall(program, [x, y], { plain, gradient: ({ dys: [dy] }) => [dy, tf.mul(dy!, 2)] })[0];
  const x = () => tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
  const y = () => tf.tensor2d(Array(6).fill(10), [2, 3]);
  const read = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];
  const expected = [11, 12, 13, 14, 15, 16];

  it('runs eagerly, compiled, and compiled without blocking', async () => {
    expect(read(add(x(), y()))).toEqual(expected);
    const step = jit(add);
    expect(read(step(x(), y()))).toEqual(expected);
    expect(read(await jit(add).async(x(), y()))).toEqual(expected);
    expect(modules.length).toBe(3);
    for (const module of modules) expect(module.match(/custom_call/g)?.length).toBe(1);
    expect(read(step(y(), y()))).toEqual(Array(6).fill(20));
    expect(modules.length).toBe(3);
  });

  it('updates a variable in place, by its own gradient', () => {
    const w = tf.variable(x());
    const optimizer = tf.train.sgd(0.5);
    const step = jit((y: tf.Tensor) => optimizer.minimize(() => tf.sum(add(y, w)) as tf.Scalar, true)!);
    const data = y();
    step(data);
    expect(read(w)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(modules.at(-1)).toMatch(/tf\.aliasing_output/);
    // Beside the variable, the loss before.
    expect(costOf(step, data).memory.alias).toBe(24 + 4);
    const { buffer } = xla().entries.get(w.dataId).value!;
    expect(read(step(data))).toEqual([60 + 15]);
    expect(xla().entries.get(w.dataId).value!.buffer).toBe(buffer);
    expect(read(w)).toEqual([-1, 0, 1, 2, 3, 4]);
  });

  it('writes a variable in place, whatever computes it', () => {
    const [w, v] = [tf.variable(x()), tf.variable(x())];
    const step = jit((y: tf.Tensor) => {
      v.assign(tf.add(v, y) as tf.Tensor2D);
      w.assign(add(w, y) as tf.Tensor2D);
      return tf.sum(y);
    });
    const data = y();
    step(data);
    step(data);
    expect(read(w)).toEqual([21, 22, 23, 24, 25, 26]);
    expect(read(v)).toEqual(read(w));
    // Both, and the result, which is 4 bytes.
    expect(modules.at(-1)?.match(/tf\.aliasing_output/g)?.length).toBe(3);
    expect(costOf(step, data).memory.alias).toBe(24 + 24 + 4);
  });

  it('passes the probe, which looks at the numbers', () => {
    const { client, executables } = xla();
    expect(probe(client, executables)).toBeUndefined();
    const compiling = client.compile.bind(client);
    const wrong = { compile: (module: string) => compiling(withoutCalls(module, 'subtract')) };
    expect(probe(client, wrong as typeof executables)).toBe('a test kernel computed 1 + 1000 = -999');
  });

  it('is timed by the fastest of a few runs, of many calls each', () => {
    const { client } = xla();
    const compiling = client.compile.bind(client);
    vi.spyOn(client, 'compile').mockImplementation((module) => compiling(withoutCalls(module)));
    const durations = [10, 60, 40, 50, 70, 80];
    const times = durations.flatMap((ms, i) => [1000 * i, 1000 * i + ms]);
    expect(measure(client, sum(), () => times.shift()!)).toBe(40 / 20);
    expect(times).toEqual([]);
    vi.restoreAllMocks();
  });

  it('is counted by what the program says', () => {
    const cost = costOf(
      jit((x: tf.Tensor, y: tf.Tensor) => add(add(x, y), y)),
      x(),
      y(),
    );
    expect(cost).toMatchObject({ flops: 12, bytes: 200, minimumBytes: 72, kernels: 2 });
    const looped = jit(
      (xs: tf.Tensor) => scan((c: tf.Tensor, x: tf.Tensor) => [add(c, x), null], y(), xs)[0],
    );
    expect(costOf(looped, tf.stack([x(), x(), x(), x()])).flops).toBe(4 * 6);
  });

  it('works in loops and checkpoints, and their gradients', () => {
    const xs = tf.stack([x(), x(), x()]);
    const looped = (y: tf.Tensor): tf.Tensor =>
      scan((c: tf.Tensor, x: tf.Tensor) => [add(c, x), null] as const, y, xs)[0];
    for (const wrap of [(f: typeof looped) => f, (f: typeof looped) => jit(f)]) {
      expect(read(wrap(looped)(y()))).toEqual([13, 16, 19, 22, 25, 28]);
      expect(read(wrap(tf.grad((y) => tf.sum(looped(y))))(y()))).toEqual(Array(6).fill(1));
      expect(read(wrap(tf.grad((y) => tf.sum(checkpoint(add)(x(), y))))(y()))).toEqual(Array(6).fill(2));
    }
  });

  it('is another program for another text', () => {
    const step = (program: TileProgram) => jit((x: tf.Tensor, y: tf.Tensor) => add(x, y, program));
    const programs = [{}, { ir: 'module { another }' }, { numWarps: 8 }, {}];
    for (const rest of programs) step(sum(undefined, rest))(x(), y());
    const disk = new DiskCache({ folder: 'nowhere', limit: 1, environment: '' });
    const [first, another, wide, again] = modules.map((module) => disk.key(module));
    expect(again).toBe(first);
    expect(new Set([first, another, wide]).size).toBe(3);
    expect(modules[1]).toContain('ir = "module { another }"');
  });

  it('takes and gives tensors that are stored as bf16', () => {
    const program = sum(array('bfloat16', 2, 3));
    const eye = tf.tensor2d([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]);
    const wide = jit((x: tf.Tensor, y: tf.Tensor) => add(x, y, program));
    // 1/3 has no short form in binary.
    const third = tf.fill([2, 3], 1 / 3);
    expect(read(wide(third, tf.zerosLike(third)))[0]).toBe(0.333984375);
    const inside = jit((x: tf.Tensor2D, y: tf.Tensor) =>
      xla().autocast('bf16', () => {
        const narrow = tf.matMul(x, eye);
        const out = add(narrow, y, program);
        expect([narrow, out].map((tensor) => xla().isNarrow(tensor))).toEqual([true, true]);
        return out;
      }),
    );
    modules.length = 0;
    expect(read(inside(x(), y()))).toEqual(expected);
    // The product's result goes into the kernel as it is stored.
    const fragment = /@TileCall_\d+\(%a0: (\S+), %a1: (\S+)\) -> \((\S+)\)/.exec(modules[0])?.slice(1);
    expect(fragment).toEqual(['tensor<2x3xbf16>', 'tensor<2x3xf32>', 'tensor<2x3xbf16>']);
    expect(read(tf.grad((x) => tf.sum(add(x, y(), program)))(x()))).toEqual(Array(6).fill(1));
    expect(xla().isNarrow(tf.grad((x) => tf.sum(add(x, y(), program)))(x()))).toBe(false);
  });

  it('a kernel that the plugin cannot compile is an error at the call, and leaves nothing behind', () => {
    const { client } = xla();
    const refuse = vi.spyOn(client, 'compile').mockImplementation(() => {
      throw new PjrtError('INVALID_ARGUMENT', 'Failed to parse Triton module', 'Client_Compile');
    });
    const step = jit(add);
    const [a, b] = [x(), y()];
    const before = tf.memory().numTensors;
    expect(() => step(a, b)).toThrow(/Failed to parse Triton module/);
    expect(tf.memory().numTensors).toBe(before);
    refuse.mockRestore();
    expect(read(step(a, b))).toEqual(expected);
  });
});
