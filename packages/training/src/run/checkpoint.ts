import {
  loadSafetensors,
  type SafeTensor,
  type SafeTensorsFile,
  saveSafetensors,
} from '@primal-attention/safetensors';
import * as tf from '@tensorflow/tfjs';
import type { MomentOptimizer, NamedVariables } from '../optimizers/moment-optimizer.js';

/** A tensor's values on the host. */
export interface HostTensor {
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** Reads all tensors from the device at once. */
export async function readTensors(
  tensors: Readonly<Record<string, tf.Tensor>>,
): Promise<Map<string, HostTensor>> {
  const entries = Object.entries(tensors).map(async ([name, tensor]): Promise<[string, HostTensor]> => {
    const { dtype, shape } = tensor;
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
      throw new Error(`checkpoint: '${name}' is ${dtype}; float32, int32 and bool can be saved`);
    }
    return [name, { dtype, shape, data: (await tensor.data()) as HostTensor['data'] }];
  });
  return new Map(await Promise.all(entries));
}

const weightPrefix = 'weights/';
const optimizerPrefix = 'optimizer/';
const safetensorsType = { float32: 'F32', int32: 'I32', bool: 'BOOL' } as const;

/** What a checkpoint holds. */
export interface CheckpointContents {
  readonly weights: ReadonlyMap<string, HostTensor>;
  readonly optimizer?: ReadonlyMap<string, HostTensor>;
  /** Free text entries of the file's header. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** Writes `weights/<name>` and `optimizer/<name>` to a safetensors file, whole or not at all. */
export async function writeCheckpoint(path: string, contents: CheckpointContents): Promise<void> {
  const tensors = new Map<string, SafeTensor>();
  const add = (prefix: string, group: ReadonlyMap<string, HostTensor>): void => {
    for (const [name, { dtype, shape, data }] of group) {
      tensors.set(prefix + name, { dtype: safetensorsType[dtype], shape: [...shape], data } as SafeTensor);
    }
  };
  add(weightPrefix, contents.weights);
  add(optimizerPrefix, contents.optimizer ?? new Map());
  await saveSafetensors(path, tensors, contents.metadata);
}

/** What a checkpoint is read into. */
export interface CheckpointTarget {
  readonly variables: NamedVariables;
  /** Left out, the optimizer's state in the file is ignored. */
  readonly optimizer?: MomentOptimizer;
}

/**
 * Reads a checkpoint into variables and, where given, an optimizer.
 *
 * @returns the metadata of the file's header
 * @throws Error when the file is missing or damaged, or its names, shapes or types are not those of the variables;
 * nothing is changed then
 */
export async function loadCheckpoint(path: string, target: CheckpointTarget): Promise<Map<string, string>> {
  const file = await loadSafetensors(path);
  restore(file, path, target);
  return file.metadata;
}

/** {@link loadCheckpoint} of a file that was read already. */
export function restore(
  { tensors }: SafeTensorsFile,
  path: string,
  { variables, optimizer }: CheckpointTarget,
): void {
  const group = (prefix: string): Map<string, SafeTensor> =>
    new Map(
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, t]) => [name.slice(prefix.length), t]),
    );
  const weights = group(weightPrefix);
  const missing = Object.keys(variables).filter((name) => !weights.has(name));
  const unknown = [...weights.keys()].filter((name) => !Object.hasOwn(variables, name));
  if (missing.length > 0 || unknown.length > 0) {
    throw new Error(
      `loadCheckpoint: ${path} belongs to another model; missing in the file: [${missing.join(', ')}], ` +
        `not in the model: [${unknown.join(', ')}]`,
    );
  }
  for (const [name, variable] of Object.entries(variables)) {
    const { dtype, shape } = weights.get(name)!;
    const expected = safetensorsType[variable.dtype as keyof typeof safetensorsType];
    if (dtype !== expected || !tf.util.arraysEqual(shape, variable.shape)) {
      throw new Error(
        `loadCheckpoint: '${name}' is ${dtype} [${shape}] in ${path}, but ${expected} [${variable.shape}] in the model`,
      );
    }
  }
  tf.tidy(() => {
    if (optimizer !== undefined) {
      optimizer.build(variables);
      const state = [...group(optimizerPrefix)].map(([name, tensor]) => [name, toTensor(tensor)]);
      optimizer.loadState(Object.fromEntries(state) as Record<string, tf.Tensor>);
    }
    for (const [name, variable] of Object.entries(variables)) variable.assign(toTensor(weights.get(name)!));
  });
}

/** Only dtypes that {@link writeCheckpoint} writes come here: names, and with them types, were compared before. */
function toTensor({ dtype, shape, data }: SafeTensor): tf.Tensor {
  if (dtype === 'F32') return tf.tensor(data, shape, 'float32');
  if (dtype === 'I32') return tf.tensor(data, shape, 'int32');
  if (dtype === 'BOOL') return tf.tensor(data, shape, 'bool');
  throw new Error(`loadCheckpoint: tensors of type ${dtype} cannot be loaded; expected F32, I32 or BOOL`);
}

/** The first tensor that holds a value which is not finite. */
export function findNonFinite(tensors: ReadonlyMap<string, HostTensor>): string | undefined {
  for (const [name, { data }] of tensors) {
    for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return name;
  }
  return undefined;
}
