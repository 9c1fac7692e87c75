import { type Figure, renderSvg } from '@primal-attention/notebook';
import { escapeHtml, scriptJson } from './html.js';

/**
 * A figure of a page: drawn still, for print and for browsers without scripts, and with what `drawFigures` makes it
 * interactive from.
 */
export function htmlFigure(figure: Figure, { caption, alt }: { caption: string; alt: string }): string {
  // As an image, so that ids and styles of one drawing do not meet those of another.
  const still = `data:image/svg+xml;base64,${Buffer.from(renderSvg(figure)).toString('base64')}`;
  const { width, height } = figure.layout;
  return `<figure class="chart">
<img class="still" width="${width}" height="${height}" alt="${escapeHtml(alt)}" src="${still}">
<script type="application/json">${scriptJson(figure)}</script>
<figcaption>${escapeHtml(caption)}</figcaption>
</figure>`;
}
