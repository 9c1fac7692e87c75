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
