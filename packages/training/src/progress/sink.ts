/** Where a run stands. */
export interface ProgressState {
  /** Completed steps, from all epochs. */
  readonly step: number;
  readonly totalSteps: number;
  /** The epoch under way, from 1; 0 before the first. */
  readonly epoch: number;
  readonly totalEpochs: number;
  /** Mean over the epoch so far. */
  readonly loss: number;
  /** Mean over the epoch so far, in [0, 1]. */
  readonly accuracy?: number;
  readonly stepsPerSecond: number;
  readonly etaSeconds: number;
}

/** A display of progress. It may be updated at any rate, and limits what it shows itself; `close` shows the last state. */
export interface ProgressSink {
  update(state: ProgressState): void;
  /** A line that stays, such as an evaluation's result. */
  message(text: string): void;
  close(): void;
}

/** A display that shows nothing. */
export function silentProgress(): ProgressSink {
  return { update: () => {}, message: () => {}, close: () => {} };
}

/** One line, without colour: `epoch 3/100  step 51/1700  loss 0.4213  accuracy 91.2 %  120 steps/s  ETA 13 s`. */
export function formatProgress(state: ProgressState): string {
  const { step, totalSteps, epoch, totalEpochs, loss, accuracy, stepsPerSecond, etaSeconds } = state;
  const parts = [`epoch ${epoch}/${totalEpochs}`, `step ${step}/${totalSteps}`];
  if (!Number.isNaN(loss) || step > 0) parts.push(`loss ${formatLoss(loss)}`);
  if (accuracy !== undefined) parts.push(`accuracy ${(100 * accuracy).toFixed(1)} %`);
  if (stepsPerSecond > 0) {
    parts.push(
      `${stepsPerSecond >= 100 ? stepsPerSecond.toFixed(0) : stepsPerSecond.toPrecision(3)} steps/s`,
    );
  }
  if (step < totalSteps && Number.isFinite(etaSeconds)) parts.push(`ETA ${formatDuration(etaSeconds)}`);
  return parts.join('  ');
}

function formatLoss(loss: number): string {
  const size = Math.abs(loss);
  return size !== 0 && Number.isFinite(loss) && (size < 1e-3 || size >= 1e5)
    ? loss.toExponential(3)
    : loss.toFixed(4);
}

/** `42 s`, `3 min 05 s`, `2 h 07 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
