import { JsonLinesFile, readJsonLines } from './json-lines.js';

/** One line of metrics.jsonl: what an epoch of training or an evaluation gave. Nothing here depends on the clock. */
export interface MetricsLine {
  readonly kind: 'train' | 'evaluation';
  /** Completed epochs; 0 is an evaluation of the initial weights. */
  readonly epoch: number;
  /** Completed steps. */
  readonly step: number;
  /** Means over samples; null where a number is not finite. */
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** The length of the logs, as a checkpoint remembers it. */
export interface LogPosition {
  readonly metricsBytes: number;
  readonly timingBytes: number;
}

/** The lines of a run so far, and their files where the run has a folder. */
export class MetricsLog {
  readonly history: MetricsLine[] = [];
  readonly #metrics: JsonLinesFile | undefined;
  readonly #timing: JsonLinesFile | undefined;

  /** Opens the logs as they were at `position`: whatever was written later belongs to a part that is run again. */
  constructor(
    paths?: { metrics: string; timing: string },
    position: LogPosition = { metricsBytes: 0, timingBytes: 0 },
  ) {
    if (paths === undefined) return;
    this.#metrics = new JsonLinesFile(paths.metrics, position.metricsBytes);
    this.history.push(...(readJsonLines(paths.metrics) as MetricsLine[]));
    this.#timing = new JsonLinesFile(paths.timing, position.timingBytes);
  }

  /** @param seconds what it took, which goes to the other file */
  append(line: MetricsLine, seconds: number): void {
    // As it reads in the file, where JSON has null for numbers that are not finite.
    this.history.push(JSON.parse(JSON.stringify(line)) as MetricsLine);
    this.#metrics?.append(line);
    const { kind, epoch, step } = line;
    this.#timing?.append({ kind, epoch, step, seconds, time: new Date().toISOString() });
  }

  get position(): LogPosition {
    return { metricsBytes: this.#metrics?.bytes ?? 0, timingBytes: this.#timing?.bytes ?? 0 };
  }

  /** Waits until everything is on the disk. */
  flush(): LogPosition {
    this.#metrics?.flush();
    this.#timing?.flush();
    return this.position;
  }

  close(): void {
    this.#metrics?.close();
    this.#timing?.close();
  }
}
