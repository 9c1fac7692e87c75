import type { Figure } from '../figure.js';
import { fontOptions, resvg } from './fonts.js';
import { drawSvg } from './plotly.js';

const DRAWN = ['scatter', 'bar', 'heatmap'];

/**
 * The figure as the text of an SVG file. Needs no browser and no network; the first call takes about a second.
 *
 * @throws TypeError for a trace of another type than scatter, bar and heatmap, which are not drawn faithfully without a browser
 */
export function renderSvg(figure: Figure): string {
  for (const { type } of figure.data) {
    if (!DRAWN.includes(type)) {
      throw new TypeError(
        `renderSvg: traces of type '${type}' cannot be drawn here, only ${DRAWN.join(', ')}`,
      );
    }
  }
  return drawSvg(figure);
}

/**
 * The figure as a PNG file of `scale` pixels to a CSS pixel (default 1), with the background of the page behind it.
 *
 * @throws RangeError if scale is not in (0, 10]
 */
export function renderPng(figure: Figure, options: { scale?: number } = {}): Uint8Array {
  const { scale = 1 } = options;
  if (!(scale > 0 && scale <= 10))
    throw new RangeError(`renderPng: scale ${scale} needs a number in (0, 10]`);
  const svg = renderSvg(figure);
  return new (resvg())(svg, { font: fontOptions, fitTo: { mode: 'zoom', value: scale } }).render().asPng();
}
