import type { FunctionBuilder, Value } from '../hlo/function-builder.js';

/** Attributes of a kernel, as tfjs passes them. */
export type Attributes = Readonly<Record<string, unknown>>;

/** Inputs of a kernel: by name, or by position (`0`, `1`, …) for kernels that take a list. */
export type Inputs = Readonly<Record<string, Value>>;

/**
 * Writes one tfjs kernel as StableHLO.
 *
 * Throw {@link NotLowered} for a combination of types or attributes that has no sensible form: outside `jit` the kernel
 * then runs on the host.
 */
export type Lowering = (b: FunctionBuilder, inputs: Inputs, attrs: Attributes) => Value | Value[];

export class NotLowered extends Error {}

const table = new Map<string, Lowering>();

/** Adds a kernel to the table. @throws Error for a kernel that is there already */
export function lower(kernelName: string, lowering: Lowering): void {
  if (table.has(kernelName)) throw new Error(`lower: kernel '${kernelName}' has a lowering already`);
  table.set(kernelName, lowering);
}

const lists = new Set<string>();

/** Adds a kernel whose result is a list of tensors, even of one. */
export function lowerList(kernelName: string, lowering: (...args: Parameters<Lowering>) => Value[]): void {
  lower(kernelName, lowering);
  lists.add(kernelName);
}

export function returnsList(kernelName: string): boolean {
  return lists.has(kernelName);
}

const platforms = new Map<string, string>();

/** Adds a kernel, whose result is a list, that only devices of one of PJRT's platforms run; others do not have it. */
export function lowerOn(
  platform: string,
  kernelName: string,
  lowering: (...args: Parameters<Lowering>) => Value[],
): void {
  lowerList(kernelName, lowering);
  platforms.set(kernelName, platform);
}

/** The only platform that has the kernel, if there is such a restriction. */
export function platformOf(kernelName: string): string | undefined {
  return platforms.get(kernelName);
}

const complexKernels = new Set<string>();

/** Says that lowerings are right for complex64 too; a kernel that is not named here gets it on the host, or never. */
export function allowComplex(...kernelNames: string[]): void {
  for (const name of kernelNames) complexKernels.add(name);
}

export function takesComplex(kernelName: string): boolean {
  return complexKernels.has(kernelName);
}

export function loweringOf(kernelName: string): Lowering | undefined {
  return table.get(kernelName);
}

export function loweredKernels(): string[] {
  return [...table.keys()].sort();
}

/** The inputs of a kernel that takes a list of tensors, in order. */
export function listOf(inputs: Inputs): Value[] {
  return Object.values(inputs);
}
