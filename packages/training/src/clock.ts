/** Speed and remaining time of a run, measured from the end of its first step, which contains the compilation. */
export class RunClock {
  #start = performance.now();
  #firstStep: number;
  #paused = 0;

  constructor(step: number) {
    this.#firstStep = step;
  }

  /** Starts the measurement. `step` is the number of completed steps. */
  start(step: number): void {
    this.#start = performance.now();
    this.#firstStep = step;
    this.#paused = 0;
  }

  /** Runs something that is not training, such as an evaluation: the speed leaves it out, the remaining time does not. */
  async pause<R>(fn: () => Promise<R>): Promise<R> {
    const begin = performance.now();
    try {
      return await fn();
    } finally {
      this.#paused += performance.now() - begin;
    }
  }

  rate(step: number, totalSteps: number): { stepsPerSecond: number; etaSeconds: number } {
    const elapsed = (performance.now() - this.#start) / 1000;
    const done = step - this.#firstStep;
    if (done <= 0) return { stepsPerSecond: 0, etaSeconds: step === totalSteps ? 0 : Infinity };
    return {
      stepsPerSecond: done / Math.max(elapsed - this.#paused / 1000, 1e-9),
      etaSeconds: ((totalSteps - step) * elapsed) / done,
    };
  }
}
