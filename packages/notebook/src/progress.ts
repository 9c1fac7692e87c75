import { randomUUID } from 'node:crypto';
import { display } from './display.js';

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

/** A display of progress, of the same form as that of the training package, which takes it. */
export interface ProgressSink {
  update(state: ProgressState): void;
  /** A line that stays, such as an evaluation's result. */
  message(text: string): void;
  /** Shows the last state. */
  close(): void;
}

const DISPLAY_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 10_000;

/**
 * Progress below the running notebook cell: a bar and a line that are rewritten in place, at most ten times a second;
 * the last state is always shown exactly. Outside a notebook: a line every ten seconds, and the last one.
 */
export function notebookProgress(): ProgressSink {
  const id = randomUUID();
  let last: ProgressState | null = null;
  let shown: ProgressState | null = null;
  let shownAt = Number.NEGATIVE_INFINITY;
  let displayed = false;
  let interval = DISPLAY_INTERVAL_MS;
  const draw = (): void => {
    if (last === null || last === shown) return;
    const line = progressLine(last);
    const bundle = { 'text/plain': line, 'text/html': progressBar(last, line) };
    if (display(bundle, id, displayed)) {
      displayed = true;
    } else {
      interval = LINE_INTERVAL_MS;
      console.log(line);
    }
    shown = last;
    shownAt = performance.now();
  };
  return {
    update(state) {
      last = state;
      if (performance.now() - shownAt >= interval) draw();
    },
    message(text) {
      console.log(text);
    },
    close: draw,
  };
}

/** `epoch 3/100  step 51/1700  loss 0.4213  accuracy 91.2 %  120 steps/s  ETA 13 s`. */
function progressLine(state: ProgressState): string {
  const { step, totalSteps, epoch, totalEpochs, loss, accuracy, stepsPerSecond, etaSeconds } = state;
  const parts = [`epoch ${epoch}/${totalEpochs}`, `step ${step}/${totalSteps}`];
  if (step > 0)
    parts.push(`loss ${Math.abs(loss) < 1e-3 && loss !== 0 ? loss.toExponential(2) : loss.toFixed(4)}`);
  if (accuracy !== undefined) parts.push(`accuracy ${(100 * accuracy).toFixed(1)} %`);
  if (stepsPerSecond > 0) parts.push(`${stepsPerSecond.toPrecision(3)} steps/s`);
  if (step < totalSteps && Number.isFinite(etaSeconds)) parts.push(`ETA ${duration(etaSeconds)}`);
  return parts.join('  ');
}

function progressBar({ step, totalSteps }: ProgressState, line: string): string {
  const style = 'vertical-align: middle; width: 12em';
  return `<progress style="${style}" value="${step}" max="${totalSteps}"></progress> <code>${line}</code>`;
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
