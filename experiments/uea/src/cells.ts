import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cell, ReportedCells } from '@primal-attention/experiment';
import { publishedProtocol } from '@primal-attention/report';
import { experimentFolder, type RunSummary, runIds } from './summary.js';

/** The cells of Table 1 that the committed results fill; what is computed here and not promoted does not count. */
export function cells(): ReportedCells {
  const found = runIds().flatMap((id): Cell[] => {
    const path = join(experimentFolder, 'results', id, 'summary.json');
    if (!existsSync(path)) return [];
    const { config, accuracy } = JSON.parse(readFileSync(path, 'utf8')) as RunSummary;
    const place = {
      table: 'table1',
      row: config.dataset,
      column: config.model,
      seeds: [config.seed],
      source: `experiments/uea/results/${id}/summary.json`,
    };
    return [
      { ...place, protocol: publishedProtocol, ours: 100 * accuracy.best },
      { ...place, protocol: 'last epoch', ours: 100 * accuracy.last },
    ];
  });
  return { cells: found, missing: [] };
}
