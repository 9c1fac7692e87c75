import type { TileProgram } from '../program.js';

const programs = new Map<string, TileProgram>();

/**
 * A program that is written when it is first asked for, and not again at each call of a kernel, in this process.
 *
 * @param kernel its name
 * @param config all that tells the program apart from the kernel's others, plain data
 */
export function writtenOnce(kernel: string, config: object, write: () => TileProgram): TileProgram {
  const key = JSON.stringify([kernel, config]);
  const program = programs.get(key) ?? write();
  programs.set(key, program);
  return program;
}
