import { type Client, PjrtError, type PjrtErrorCode } from '@primal-attention/pjrt';
import type { ExecutableCache } from '../executables.js';
import { FunctionBuilder } from '../hlo/function-builder.js';
import { launch, moduleOf } from './call.js';
import { type TileProgram, typeOfArray } from './program.js';

const size = 128;
const array = { shape: [size], dtype: 'float32' } as const;

/** A sum of two arrays: the least that shows whether the plugin takes the text, and the device the launch. */
const sum: TileProgram = {
  name: 'primal_probe',
  ir: `module {
  tt.func public @primal_probe(%x: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %y: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %o: !tt.ptr<f32> {tt.divisibility = 16 : i32}) {
    %r = tt.make_range {end = ${size} : i32, start = 0 : i32} : tensor<${size}xi32>
    %xs = tt.splat %x : !tt.ptr<f32> -> tensor<${size}x!tt.ptr<f32>>
    %xa = tt.addptr %xs, %r : tensor<${size}x!tt.ptr<f32>>, tensor<${size}xi32>
    %xv = tt.load %xa : tensor<${size}x!tt.ptr<f32>>
    %ys = tt.splat %y : !tt.ptr<f32> -> tensor<${size}x!tt.ptr<f32>>
    %ya = tt.addptr %ys, %r : tensor<${size}x!tt.ptr<f32>>, tensor<${size}xi32>
    %yv = tt.load %ya : tensor<${size}x!tt.ptr<f32>>
    %z = arith.addf %xv, %yv : tensor<${size}xf32>
    %os = tt.splat %o : !tt.ptr<f32> -> tensor<${size}x!tt.ptr<f32>>
    %oa = tt.addptr %os, %r : tensor<${size}x!tt.ptr<f32>>, tensor<${size}xi32>
    tt.store %oa, %z : tensor<${size}x!tt.ptr<f32>>
    tt.return
  }
}
`,
  grid: [1, 1, 1],
  numWarps: 4,
  numStages: 1,
  operands: [array, array],
  results: [array],
  flops: size,
  bytes: 12 * size,
};

/** The program that {@link probe} runs, x + y. */
export function probeModule(): string {
  const type = typeOfArray(array);
  const b = new FunctionBuilder([type, type]);
  return moduleOf(b, launch(b, sum, b.parameters));
}

/** What compilation answers to a kernel that the plugin does not take. Other codes, such as of a full memory, say nothing of kernels. */
const refusals: readonly PjrtErrorCode[] = [
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'FAILED_PRECONDITION',
  'UNIMPLEMENTED',
  'INTERNAL',
];

/**
 * Runs a tiny kernel.
 *
 * @returns what the plugin has against it, or what was wrong with the result; undefined when it is right
 * @throws PjrtError where that cannot be told, since the device's memory is full, say
 */
export function probe(client: Client, executables: ExecutableCache): string | undefined {
  let executable: Executable;
  try {
    executable = executables.compile(probeModule());
  } catch (error) {
    if (!(error instanceof PjrtError) || !refusals.includes(error.code)) throw error;
    return summary(error);
  }
  try {
    return run(client, executable);
  } finally {
    executable.dispose();
  }
}

type Executable = ReturnType<ExecutableCache['compile']>;

function run(client: Client, executable: Executable): string | undefined {
  const numbers = [1, 1000].map((factor) => Float32Array.from({ length: size }, (_, i) => factor * i));
  const operands = numbers.map((values) => client.toDevice(values, 'f32', array.shape));
  try {
    executable.argumentList(2).set(operands.map(({ handle }) => handle));
    const result = client.wrap(executable.execute()[0], 'f32', array.shape);
    const values = new Float32Array(size);
    try {
      result.toHost(values);
    } finally {
      result.dispose();
    }
    const wrong = values.findIndex((value, i) => value !== numbers[0][i] + numbers[1][i]);
    if (wrong < 0) return undefined;
    return `a test kernel computed ${numbers[0][wrong]} + ${numbers[1][wrong]} = ${values[wrong]}`;
  } finally {
    for (const operand of operands) operand.dispose();
  }
}

/** The plugin's message on one line, without the kernel's text, which it repeats. */
export function summary({ code, detail }: PjrtError): string {
  const [text] = detail.split(/input ir:/);
  return `${code}: ${text.replaceAll(/\s+/g, ' ').trim()}`;
}
