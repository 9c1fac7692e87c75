import { display, inNotebook } from './display.js';
import type { Figure } from './figure.js';
import { renderPng } from './render/render.js';

/**
 * Shows a figure below the running notebook cell: interactive in JupyterLab, and as a PNG wherever the notebook is
 * read. Outside a notebook it only says, on stderr, how to write the figure to a file.
 */
export function show(figure: Figure): void {
  if (!inNotebook()) {
    console.error(
      "show: this is not a notebook; writeFigure(figure, 'figure.svg') writes the figure to a file",
    );
    return;
  }
  display({
    'application/vnd.plotly.v1+json': figure,
    'image/png': Buffer.from(renderPng(figure)).toString('base64'),
  });
}
