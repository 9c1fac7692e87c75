import type { Comparison } from './comparison/comparison.js';
import { toCsv } from './formats/csv.js';
import { reportMarkdown } from './formats/markdown.js';
import { reportPage } from './page/report-page.js';

/** The report's files by name, for a folder at the root of the repository: a page, a text and data. */
export function reportFiles(comparisons: readonly Comparison[]): Record<string, string> {
  return {
    'index.html': reportPage(comparisons),
    'report.md': reportMarkdown(comparisons),
    'report.csv': toCsv(comparisons),
  };
}
