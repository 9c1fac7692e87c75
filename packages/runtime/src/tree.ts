import * as tf from '@tensorflow/tfjs';

/** Tensors in nested arrays and plain objects, in the order of their places. */
export interface Tree {
  readonly tensors: tf.Tensor[];
  /** Where each tensor stands, for messages: `carry.cells[1]`. */
  readonly paths: readonly string[];
  /** Equal for structures of equal form, whatever their tensors. */
  readonly form: string;
  /** The same structure with other tensors. */
  readonly build: (tensors: readonly tf.Tensor[]) => unknown;
}

/**
 * Takes a structure apart.
 *
 * @param root its name in messages
 * @param describeLeaf what is said of a leaf that is no tensor, or undefined where it is welcome and stays as it is
 */
export function flatten(
  value: unknown,
  root: string,
  describeLeaf: (leaf: unknown, path: string) => string | undefined,
): Tree {
  const tensors: tf.Tensor[] = [];
  const paths: string[] = [];
  type Build = (tensors: readonly tf.Tensor[]) => unknown;
  const visit = (node: unknown, path: string): { form: string; build: Build } => {
    if (node instanceof tf.Tensor) {
      const index = tensors.length;
      tensors.push(node);
      paths.push(path);
      return { form: '*', build: (others) => others[index] };
    }
    if (Array.isArray(node)) {
      const items = node.map((item, i) => visit(item, `${path}[${i}]`));
      return {
        form: `[${items.map(({ form }) => form).join(',')}]`,
        build: (others) => items.map(({ build }) => build(others)),
      };
    }
    if (isPlainObject(node)) {
      const items = Object.keys(node).map((name) => ({ name, ...visit(node[name], `${path}.${name}`) }));
      return {
        form: `{${items.map(({ name, form }) => `${JSON.stringify(name)}:${form}`).join(',')}}`,
        build: (others) => Object.fromEntries(items.map(({ name, build }) => [name, build(others)])),
      };
    }
    const complaint = describeLeaf(node, path);
    if (complaint !== undefined) throw new Error(complaint);
    return { form: String(node), build: () => node };
  };
  const { form, build } = visit(value, root);
  return { tensors, paths, form, build };
}

/** What a value is, for messages. */
export function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value == null ? String(value) : `a ${typeof value}`;
  return `an instance of ${value.constructor?.name ?? 'an unknown class'}`;
}

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
