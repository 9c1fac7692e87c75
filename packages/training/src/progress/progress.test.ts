import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { autoProgress } from './auto.js';
import { logProgress } from './log.js';
import { formatDuration, formatProgress, type ProgressState } from './sink.js';
import { terminalProgress } from './terminal.js';

function stream(isTTY: boolean, columns = 120) {
  const writes: string[] = [];
  return { writes, isTTY, columns, write: (text: string) => writes.push(text) };
}

function stateAt(step: number, change: Partial<ProgressState> = {}): ProgressState {
  return {
    ...{
      step,
      totalSteps: 10_000,
      epoch: Math.floor((step - 1) / 1000) + 1,
      totalEpochs: 10,
      loss: 1 / step,
    },
    ...{ accuracy: 0.5, stepsPerSecond: 250, etaSeconds: (10_000 - step) / 250 },
    ...change,
  };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** 10,000 steps of `milliseconds` each. */
function play(sink: ReturnType<typeof terminalProgress>, milliseconds: number): void {
  for (let step = 1; step <= 10_000; step++) {
    vi.advanceTimersByTime(milliseconds);
    sink.update(stateAt(step));
  }
}

describe('terminalProgress', () => {
  it('rewrites one line at most ten times a second, and ends with the last state', () => {
    const output = stream(true);
    const sink = terminalProgress(output);
    play(sink, 1);
    sink.close();
    // 10 seconds.
    expect(output.writes.length).toBeLessThanOrEqual(10 * 10 + 3);
    expect(output.writes.length).toBeGreaterThan(50);
    expect(output.writes.at(-1)).toBe('\n');
    expect(output.writes.at(-2)).toBe(`\r${formatProgress(stateAt(10_000))}\u001b[K`);
    expect(output.writes.slice(0, -1).join('')).not.toContain('\n');
  });

  it('does not flood with very fast steps', () => {
    const output = stream(true);
    const sink = terminalProgress(output);
    play(sink, 0.1);
    sink.close();
    expect(output.writes.length).toBeLessThanOrEqual(13);
  });

  it('keeps messages above the line, and the line within the terminal', () => {
    const output = stream(true, 20);
    const sink = terminalProgress(output);
    sink.message('started');
    sink.update(stateAt(1));
    sink.message('checkpoint');
    sink.close();
    sink.close();
    const line = `\r${formatProgress(stateAt(1)).slice(0, 19)}\u001b[K`;
    expect(output.writes).toEqual(['\r\u001b[Kstarted\n', line, '\r\u001b[Kcheckpoint\n', line, line, '\n']);
  });
});

describe('logProgress', () => {
  it('writes plain lines: each epoch, and every ten seconds within one', () => {
    const output = stream(false);
    const sink = logProgress(output);
    play(sink, 25); // An epoch takes 25 s.
    sink.close();
    const steps = output.writes.map((line) => Number(/step (\d+)/.exec(line)?.[1]));
    expect(steps.slice(0, 5)).toEqual([1, 401, 801, 1000, 1400]);
    for (let epoch = 1; epoch <= 10; epoch++) expect(steps).toContain(1000 * epoch);
    expect(steps.filter((step) => step === 10_000)).toHaveLength(1);
    for (const control of ['\r', '\u001b']) expect(output.writes.join('')).not.toContain(control);
  });

  it('lets short epochs share lines, and still ends with the last state', () => {
    const output = stream(false);
    const sink = logProgress(output);
    play(sink, 0.01); // An epoch takes 10 ms.
    sink.message('done');
    sink.close();
    expect(output.writes.length).toBeLessThan(5);
    expect(output.writes.at(-1)).toBe(`${formatProgress(stateAt(10_000))}\n`);
  });
});

it('autoProgress asks the stream', () => {
  for (const isTTY of [true, false]) {
    const output = stream(isTTY);
    autoProgress(output).update(stateAt(5));
    expect(output.writes[0].startsWith('\r')).toBe(isTTY);
  }
});

it('formats a state in one line', () => {
  expect(
    formatProgress(
      stateAt(51, { totalSteps: 1700, epoch: 3, totalEpochs: 100, loss: 0.42134, etaSeconds: 13.2 }),
    ),
  ).toBe('epoch 3/100  step 51/1700  loss 0.4213  accuracy 50.0 %  250 steps/s  ETA 13 s');
  const unknown = {
    loss: 2e-7,
    accuracy: undefined,
    stepsPerSecond: 0,
    etaSeconds: Number.POSITIVE_INFINITY,
  };
  expect(formatProgress(stateAt(51, unknown))).toBe('epoch 1/10  step 51/10000  loss 2.000e-7');
  expect(formatProgress(stateAt(10_000, { loss: Number.NaN, stepsPerSecond: 1.234 }))).toBe(
    'epoch 10/10  step 10000/10000  loss NaN  accuracy 50.0 %  1.23 steps/s',
  );
  expect([0.4, 59.4, 59.6, 3599.6, 7620].map(formatDuration)).toEqual([
    '0 s',
    '59 s',
    '1 min 00 s',
    '1 h 00 min',
    '2 h 07 min',
  ]);
});
