import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

let count = 0;

/**
 * Writes a program as StableHLO text into the folder that `PRIMAL_DUMP` names, if it does: `program-PID-0.mlir`,
 * `program-PID-1.mlir`, … in the order in which programs are asked for.
 */
export function dumpModule(module: string, folder: string | undefined = process.env.PRIMAL_DUMP): void {
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `program-${process.pid}-${count++}.mlir`), module);
}
