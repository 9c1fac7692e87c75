import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from './discover.js';

/**
 * Adds the XLA flags that correct results need to `XLA_FLAGS`, which a plugin reads when it is loaded. A flag that the
 * user has set is left alone.
 *
 * - CPU: the default maximum and minimum drop NaN depending on the order of the operands
 *   (`xla_cpu_enable_fast_min_max`), so that a diverged run looks healthy.
 * - A rounding to bf16 stays where it was asked for (`xla_allow_excess_precision`). By default XLA leaves out one between two
 *   operations and keeps float32 there, which is other numbers in each program, and on a GPU took a fused kernel of a bf16
 *   training step to half of the step's time.
 * - CUDA: where the wheels keep ptxas (`xla_gpu_cuda_data_dir`).
 * - CUDA with `PRIMAL_DETERMINISTIC=1`: only operations that give the same bits in each run (`xla_gpu_deterministic_ops`).
 *   By default two runs differ in the last bits, through the order of atomic additions and the choice of algorithms by timing.
 *   A CPU is deterministic as it is.
 *
 * @throws Error when `PRIMAL_DETERMINISTIC` is neither 0 nor 1
 */
export function prepareXlaFlags(plugin: Plugin, env: NodeJS.ProcessEnv = process.env): void {
  const wanted: [string, string][] = [
    ['xla_cpu_enable_fast_min_max', 'false'],
    ['xla_allow_excess_precision', 'false'],
  ];
  const deterministic = env.PRIMAL_DETERMINISTIC || '0';
  if (!['0', '1'].includes(deterministic)) {
    throw new Error(`PRIMAL_DETERMINISTIC must be 0 or 1, got '${deterministic}'`);
  }
  if (deterministic === '1') wanted.push(['xla_gpu_deterministic_ops', 'true']);
  const cudaData = cudaDataFolder(plugin.path);
  if (cudaData !== undefined) wanted.push(['xla_gpu_cuda_data_dir', cudaData]);
  const present = env.XLA_FLAGS ?? '';
  const missing = wanted
    .filter(([name]) => !present.includes(`--${name}=`))
    .map(([name, value]) => `--${name}=${value}`);
  if (missing.length > 0) env.XLA_FLAGS = [present, ...missing].filter((part) => part !== '').join(' ');
}

/** The folder of NVIDIA's wheels that holds `bin/ptxas`, for a plugin that was installed beside them. */
function cudaDataFolder(pluginPath: string): string | undefined {
  const nvidia = join(dirname(pluginPath), '..', '..', 'nvidia');
  if (!pluginPath.includes('cuda') || !existsSync(nvidia)) return undefined;
  return readdirSync(nvidia)
    .map((name) => join(nvidia, name))
    .find((folder) => existsSync(join(folder, 'bin', 'ptxas')));
}
