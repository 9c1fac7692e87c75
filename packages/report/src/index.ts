export { compare } from './comparison/compare.js';
export { type Comparison, publishedProtocol, type Verdict } from './comparison/comparison.js';
export { type Summary, summarize, summaryLine } from './comparison/summary.js';
export { type ReportFigure, tableFigures } from './figures.js';
export { toCsv } from './formats/csv.js';
export { toJson } from './formats/json.js';
export { reportMarkdown, resultsMarkdown } from './formats/markdown.js';
export { htmlFigure } from './page/figure.js';
export { escapeHtml } from './page/html.js';
export { htmlPage, type PageParts } from './page/html-page.js';
export { reportPage } from './page/report-page.js';
export { type Html, type HtmlColumn, htmlTable } from './page/table.js';
export type {
  ColumnHeading,
  Heading,
  Measure,
  PaperTable,
  PrintedValue,
  Source,
  TableNote,
} from './paper/paper-table.js';
export { paperTable, paperTables, paperValue } from './paper/tables.js';
export { reportFiles } from './report-files.js';
