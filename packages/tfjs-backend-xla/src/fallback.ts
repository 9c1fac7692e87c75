import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { getKernel, type TensorInfo } from '@tensorflow/tfjs-core';
import type { XlaBackend } from './backend.js';
import type { Attributes } from './lowerings/table.js';

let host: MathBackendCPU | undefined;

/**
 * Runs a kernel on the host with tfjs's CPU kernels: for kernels that have no sensible form as a program (strings,
 * outputs whose shape depends on values) or whose lowering does not cover a case.
 *
 * @throws Error inside `jit`, where nothing has a value, and for kernels that tfjs's CPU backend does not have
 */
export function runOnHost(
  backend: XlaBackend,
  kernelName: string,
  inputs: Record<string, TensorInfo>,
  attrs: Attributes,
): TensorInfo | TensorInfo[] {
  if (backend.tracing) {
    throw new Error(
      `jit: kernel '${kernelName}' has no XLA lowering for these arguments (${Object.entries(inputs)
        .map(([name, info]) => `${name}: ${info?.dtype} [${info?.shape}]`)
        .join(', ')}), so it cannot be part of a compiled function. Run it outside.`,
    );
  }
  const kernel = getKernel(kernelName, 'cpu');
  if (kernel == null) {
    throw new Error(
      `xla backend: kernel '${kernelName}' has neither an XLA lowering nor a CPU kernel in tfjs`,
    );
  }
  host ??= silentHost();
  const cpu = host;
  const temporary = new Set<object>();
  const toHost = (info: TensorInfo): TensorInfo => {
    const values = backend.readSync(info.dataId);
    if (info.dtype === 'complex64') return complexOnHost(cpu, values as Float32Array, info.shape, temporary);
    const dataId = cpu.write(values, info.shape, info.dtype);
    temporary.add(dataId);
    // Some of tfjs's kernels take their inputs for tensors, which know their rank.
    return { dataId, shape: info.shape, dtype: info.dtype, rank: info.shape.length } as TensorInfo;
  };
  // Inputs may be lists, or missing.
  const convert = (input: unknown): unknown => {
    if (Array.isArray(input)) return input.map(convert);
    return input == null ? input : toHost(input as TensorInfo);
  };
  const hostInputs = Array.isArray(inputs)
    ? convert(inputs)
    : Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, convert(input)]));
  const result = kernel.kernelFunc({ inputs: hostInputs as never, attrs: attrs as never, backend: cpu });
  const outputs = (Array.isArray(result) ? result : [result]) as TensorInfo[];
  const results = outputs.map((output) => ({
    dataId: backend.write(cpu.readSync(output.dataId), output.shape, output.dtype),
    shape: output.shape,
    dtype: output.dtype,
  }));
  for (const output of outputs) temporary.add(output.dataId);
  for (const dataId of temporary) cpu.disposeData(dataId, true);
  return Array.isArray(result) ? results : results[0];
}

/** tfjs's CPU backend keeps the two parts of a complex tensor apart. */
function complexOnHost(
  cpu: MathBackendCPU,
  values: Float32Array,
  shape: number[],
  temporary: Set<object>,
): TensorInfo {
  const part = (offset: number): TensorInfo => {
    const list = Float32Array.from({ length: values.length / 2 }, (_, i) => values[2 * i + offset]);
    return { dataId: cpu.write(list, shape, 'float32'), shape, dtype: 'float32' };
  };
  const [real, imag] = [part(0), part(1)];
  const { kernelFunc } = getKernel('Complex', 'cpu');
  const info = kernelFunc({ inputs: { real, imag }, attrs: undefined, backend: cpu }) as TensorInfo;
  // The complex tensor refers to its parts: the order of their disposal is that of the set.
  temporary.add(info.dataId).add(real.dataId).add(imag.dataId);
  return { ...info, rank: shape.length } as TensorInfo;
}

function silentHost(): MathBackendCPU {
  const cpu = new MathBackendCPU();
  // On its first use it would advise to install another backend.
  (cpu as unknown as { firstUse: boolean }).firstUse = false;
  return cpu;
}
