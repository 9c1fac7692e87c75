import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { drawFigures } from './draw-figures.js';
import { scriptText } from './html.js';

const require = createRequire(import.meta.url);

/** The scripts of a page that has figures: Plotly itself, so that the page needs no network, and the drawing. */
export function figureScripts(): string {
  const plotly = readFileSync(require.resolve('plotly.js-basic-dist-min'), 'utf8');
  return `<script>${scriptText(plotly)}</script>\n<script>(${scriptText(drawFigures.toString())})(Plotly)</script>`;
}
