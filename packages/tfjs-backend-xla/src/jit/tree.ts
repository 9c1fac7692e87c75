import { Tensor, Variable } from '@tensorflow/tfjs-core';

/** The shape of nested arrays and objects: tensors are replaced by their numbers, other leaves stand for themselves. */
export type TreeSpec =
  | { readonly kind: 'tensor'; readonly index: number }
  | { readonly kind: 'static'; readonly value: unknown }
  | { readonly kind: 'array'; readonly items: readonly TreeSpec[] }
  | { readonly kind: 'object'; readonly names: readonly string[]; readonly items: readonly TreeSpec[] };

/**
 * Takes a structure apart. Tensors are collected in `tensors`.
 *
 * @param variables whether a variable is a leaf that stands for itself (an argument, which may be assigned) or a tensor
 *   (a result: its value at the end of the function)
 */
export function flatten(
  value: unknown,
  tensors: Tensor[],
  variables: 'static' | 'tensor' = 'static',
): TreeSpec {
  if (value instanceof Variable && variables === 'static') return { kind: 'static', value };
  if (value instanceof Tensor) {
    tensors.push(value);
    return { kind: 'tensor', index: tensors.length - 1 };
  }
  if (Array.isArray(value))
    return { kind: 'array', items: value.map((item) => flatten(item, tensors, variables)) };
  if (isPlainObject(value)) {
    const names = Object.keys(value);
    return { kind: 'object', names, items: names.map((name) => flatten(value[name], tensors, variables)) };
  }
  return { kind: 'static', value };
}

/** Puts a structure together again with other tensors. */
export function unflatten(spec: TreeSpec, tensors: readonly Tensor[]): unknown {
  switch (spec.kind) {
    case 'tensor':
      return tensors[spec.index];
    case 'static':
      return spec.value;
    case 'array':
      return spec.items.map((item) => unflatten(item, tensors));
    case 'object':
      return Object.fromEntries(spec.names.map((name, i) => [name, unflatten(spec.items[i], tensors)]));
  }
}

/**
 * A text that is equal for structures of equal form and equal static leaves.
 *
 * @throws Error for a leaf that is no tensor, variable, number, boolean, string, null or undefined
 */
export function treeKey(spec: TreeSpec, tensors: readonly Tensor[]): string {
  switch (spec.kind) {
    case 'tensor': {
      const { dtype, shape } = tensors[spec.index];
      return `${dtype}[${shape}]`;
    }
    case 'static':
      return staticKey(spec.value);
    case 'array':
      return `[${spec.items.map((item) => treeKey(item, tensors)).join(',')}]`;
    case 'object':
      return `{${spec.items.map((item, i) => `${JSON.stringify(spec.names[i])}:${treeKey(item, tensors)}`).join(',')}}`;
  }
}

function staticKey(value: unknown): string {
  if (value instanceof Variable) return `variable ${value.id}`;
  switch (typeof value) {
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
    case 'undefined':
      return String(value);
    default:
      if (value === null) return 'null';
      throw new Error(
        `jit: arguments must be tensors, numbers, booleans, strings, or arrays and plain objects of these; got ${describe(value)}`,
      );
  }
}

function describe(value: unknown): string {
  return typeof value === 'object'
    ? `an instance of ${value?.constructor?.name ?? 'unknown'}`
    : `a ${typeof value}`;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
