import { join } from 'node:path';
import { readSummaries } from '@primal-attention/experiment';
import { type MetricsLine, readJsonLines } from '@primal-attention/training';
import { experimentFolder } from './folder.js';
import type { RunSummary } from './summary.js';

/** Where the results are that are kept as reference. */
export function committedFolder(): string {
  return join(experimentFolder(), 'results');
}

/** The summaries of the runs in a folder of results, with configs as the schema has them now. */
export function committedRuns(results: string): RunSummary[] {
  return readSummaries<RunSummary>(results).map(ofThisSchema);
}

/** What a run logged while it trained: its loss since the last line, and its evaluations. */
export function historyOf(results: string, id: string): MetricsLine[] {
  return readJsonLines(join(results, id, 'metrics.jsonl')) as MetricsLine[];
}

/**
 * What a config says of training. Results of November 2026 have a setting that has gone since, and lack one: ListOps' brackets were
 * always kept. Further samples of a test do not make another run.
 */
function ofThisSchema(run: RunSummary): RunSummary {
  const { needsGpu: _, ...config } = run.config as RunSummary['config'] & { needsGpu?: boolean };
  if (config.task !== 'ListOps') return { ...run, config };
  const { further: __, ...data } = { further: undefined, ...config.data };
  return { ...run, config: { ...config, data: { ...data, closing: data.closing ?? 'kept' } } };
}
