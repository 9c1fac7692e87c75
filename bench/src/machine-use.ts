import { cpus } from 'node:os';

/** Milliseconds that all cores together were busy since the machine started. */
function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** Watches, from its creation on, how much of the machine other programs take. */
export class MachineUse {
  readonly #busy = busyMs();
  readonly #own = process.cpuUsage();
  readonly #start = performance.now();

  /**
   * (busy - ours) / (elapsed cores): the share of the machine's time that went to other programs so far.
   *
   * @param childrenMs CPU time of programs that belong to the measurement
   */
  shareOfOthers(childrenMs: number): number {
    const { user, system } = process.cpuUsage(this.#own);
    const others = busyMs() - this.#busy - (user + system) / 1000 - childrenMs;
    return Math.max(0, others) / ((performance.now() - this.#start) * cpus().length);
  }
}

// They slow eager PyTorch more than ours, so that a busy machine would flatter ours.
const othersAtMost = 0.03;

/** Whether other programs left the machine alone enough for times to count. */
export function isQuiet(others: number): boolean {
  return others <= othersAtMost;
}

/** Says on stderr that times do not count, and makes the program fail if they were to be saved. */
export function reportBusy(others: number, save: boolean): void {
  const [share, most] = [others, othersAtMost].map((value) => `${(100 * value).toFixed(1)} %`);
  console.error(
    `Other programs took ${share} of the machine (at most ${most}): no time or ratio above counts${save ? ', and nothing was saved' : ''}.`,
  );
  if (save) process.exitCode = 1;
}
