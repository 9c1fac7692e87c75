import { checkTileSettings } from '@primal-attention/runtime';

/** What `PRIMAL_LOG` may name. */
const logs = ['cache', 'tile'];

/**
 * Checks the environment variables that say how programs compute, where a mistake would else show when a run has begun, or never:
 * `PRIMAL_KERNELS`, `PRIMAL_TUNING`, `PRIMAL_LOG`.
 *
 * @throws Error that says what was given and what is expected
 */
export function checkSettings(): void {
  checkTileSettings();
  const given = process.env.PRIMAL_LOG ?? '';
  if (given !== '' && !given.split(',').every((name) => logs.includes(name))) {
    throw new Error(`PRIMAL_LOG must be ${logs.join(' or ')}, or both with a comma, got '${given}'`);
  }
}
