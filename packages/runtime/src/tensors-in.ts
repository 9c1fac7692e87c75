import * as tf from '@tensorflow/tfjs';

/** A copy of a structure of arrays and plain objects, with other tensors in the places of its own. */
export function mapTensors<T>(value: T, map: (tensor: tf.Tensor) => tf.Tensor): T {
  if (value instanceof tf.Tensor) return map(value) as T;
  if (Array.isArray(value)) return value.map((item) => mapTensors(item, map)) as T;
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapTensors(item, map)])) as T;
}

/** Calls `use` for each tensor of a structure of arrays and plain objects. */
export function eachTensor(value: unknown, use: (tensor: tf.Tensor) => void): void {
  if (value instanceof tf.Tensor) use(value);
  else if (Array.isArray(value)) for (const item of value) eachTensor(item, use);
  else if (isPlainObject(value)) for (const item of Object.values(value)) eachTensor(item, use);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
