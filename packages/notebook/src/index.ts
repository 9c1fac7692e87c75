export { type BarFigureOptions, type BarSeries, barFigure } from './bar-figure.js';
export type { AxisOptions, Figure, FigureSize, Json, Trace } from './figure.js';
export { type GridFigureOptions, gridFigure } from './grid-figure.js';
export {
  type HeatmapAxis,
  type HeatmapColor,
  type HeatmapFigureOptions,
  heatmapFigure,
} from './heatmap-figure.js';
export { type LineFigureOptions, type LineSeries, lineFigure } from './line-figure.js';
export { notebookProgress, type ProgressSink, type ProgressState } from './progress.js';
export { renderPng, renderSvg } from './render/render.js';
export { type ScatterFigureOptions, type ScatterSeries, scatterFigure } from './scatter-figure.js';
export { show } from './show.js';
export { showImage } from './show-image.js';
export { type TableCell, type TableRow, table, toMarkdown } from './table.js';
export type { Dash } from './theme.js';
export type { Numbers } from './values.js';
export { writeFigure } from './write-figure.js';
