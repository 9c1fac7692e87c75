import type { TileProgram } from '../program.js';

const programs = new Map<string, TileProgram>();

/**
 * A program that is written when it is first asked for, and not again at each call of a kernel, in this process.
 *
 * @param kernel its name
 * @param config all that tells the program apart from the kernel's others, plain data
 */
export function writtenOnce<Config extends object>(
  kernel: string,
  config: Config,
  write: (config: Config) => TileProgram,
): TileProgram {
  const key = JSON.stringify([kernel, config]);
  const program = programs.get(key) ?? write(config);
  programs.set(key, program);
  return program;
}
