/** As much of a canvas as Plotly's heat maps need: rectangles, and the picture of them. */
import { resvg } from './fonts.js';

/** Pixels of the picture to one of the canvas, so that it stays sharp in a PNG file of `writeFigure`. */
const SCALE = 2;

/** A drawing context that notes the rectangles that are filled. */
export interface RectangleContext {
  fillStyle: string;
  fillRect(x: number, y: number, width: number, height: number): void;
  /** The picture so far, as a data URL of a PNG. */
  picture(width: number, height: number): string;
}

/** A new context on an empty canvas. */
export function rectangleContext(): RectangleContext {
  const rectangles: string[] = [];
  return {
    fillStyle: '#000000',
    fillRect(x, y, width, height) {
      // What is wholly transparent is a gap.
      if (/,\s*0\)$/.test(this.fillStyle)) return;
      rectangles.push(`<path fill="${this.fillStyle}" d="M${x} ${y}h${width}v${height}h${-width}z"/>`);
    },
    picture(width, height) {
      const size = `width="${width}" height="${height}"`;
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size} shape-rendering="crispEdges">${rectangles.join('')}</svg>`;
      const png = new (resvg())(svg, { fitTo: { mode: 'zoom', value: SCALE } }).render().asPng();
      return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
    },
  };
}
