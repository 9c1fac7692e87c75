import { Tensor, Variable } from '@tensorflow/tfjs-core';

/** The shape of nested arrays and objects: tensors are replaced by their numbers, other leaves stand for themselves. */
export type TreeSpec =
  | { readonly kind: 'tensor'; readonly index: number }
  | { readonly kind: 'static'; readonly value: unknown }
  | { readonly kind: 'array'; readonly items: readonly TreeSpec[] }
  | { readonly kind: 'object'; readonly names: readonly string[]; readonly items: readonly TreeSpec[] };

const maxDepth = 100;

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
  depth = 0,
): TreeSpec {
  if (depth > maxDepth) {
    throw new Error(`jit: a structure of more than ${maxDepth} levels was given; does it contain itself?`);
  }
  if (value instanceof Variable && variables === 'static') return { kind: 'static', value };
  if (value instanceof Tensor) {
    tensors.push(value);
    return { kind: 'tensor', index: tensors.length - 1 };
  }
  if (Array.isArray(value))
    return { kind: 'array', items: value.map((item) => flatten(item, tensors, variables, depth + 1)) };
  if (isPlainObject(value)) {
    const names = Object.keys(value);
    return {
      kind: 'object',
      names,
      items: names.map((name) => flatten(value[name], tensors, variables, depth + 1)),
    };
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
 * @throws Error, naming the place, for a leaf that is no tensor, variable, number, boolean, string, null or undefined
 */
export function treeKey(spec: TreeSpec, tensors: readonly Tensor[], root: TreeSpec = spec): string {
  switch (spec.kind) {
    case 'tensor': {
      const { dtype, shape } = tensors[spec.index];
      return `${dtype}[${shape}]`;
    }
    case 'static': {
      const key = staticKey(spec.value);
      if (key === undefined) {
        throw new Error(
          `jit: ${pathOf(root, (leaf) => leaf === spec)} is ${describe(spec.value)}; arguments must be tensors, variables, numbers, ` +
            'booleans, strings, null, undefined, or arrays and plain objects of these',
        );
      }
      return key;
    }
    case 'array':
      return `[${spec.items.map((item) => treeKey(item, tensors, root)).join(',')}]`;
    case 'object':
      return `{${spec.items.map((item, i) => `${JSON.stringify(spec.names[i])}:${treeKey(item, tensors, root)}`).join(',')}}`;
  }
}

function staticKey(value: unknown): string | undefined {
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
      return value === null ? 'null' : undefined;
  }
}

/** Each leaf of a structure with its place, such as `args[0].x[2]`. */
export function* leavesOf(
  spec: TreeSpec,
  path = 'args',
): IterableIterator<[path: string, leaf: Exclude<TreeSpec, { kind: 'array' | 'object' }>]> {
  switch (spec.kind) {
    case 'array':
      for (const [i, item] of spec.items.entries()) yield* leavesOf(item, `${path}[${i}]`);
      break;
    case 'object':
      for (const [i, item] of spec.items.entries()) {
        const name = spec.names[i];
        yield* leavesOf(
          item,
          /^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`,
        );
      }
      break;
    default:
      yield [path, spec];
  }
}

/** Where a leaf stands in the list of arguments. */
export function pathOf(spec: TreeSpec, isWanted: (leaf: TreeSpec) => boolean): string {
  for (const [path, leaf] of leavesOf(spec)) if (isWanted(leaf)) return path;
  return 'an argument';
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
