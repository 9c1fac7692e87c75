import { createRequire } from 'node:module';
import type { Resvg, ResvgRenderOptions } from '@resvg/resvg-js';

const require = createRequire(import.meta.url);

const FAMILY = 'DejaVu Sans';

/** Only the bundled fonts, so that a figure is the same on every machine. */
export const fontOptions: NonNullable<ResvgRenderOptions['font']> = {
  fontFiles: ['DejaVuSans', 'DejaVuSans-Bold', 'DejaVuSans-Oblique', 'DejaVuSans-BoldOblique'].map((name) =>
    require.resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`),
  ),
  loadSystemFonts: false,
  defaultFontFamily: FAMILY,
  sansSerifFamily: FAMILY,
};

/** Heights of a line above and below its base, in units of the font size: DejaVu's own. */
export const ASCENT = 0.928;
export const DESCENT = 0.236;

export interface FontStyle {
  /** In pixels. */
  size: number;
  bold: boolean;
  italic: boolean;
}

/** resvg is native code: loaded when the first figure is drawn, not with the package. */
export function resvg(): typeof Resvg {
  return (require('@resvg/resvg-js') as { Resvg: typeof Resvg }).Resvg;
}

const unitWidths = new Map<string, number>();

/** Advance width of one line of text, in pixels. */
export function textWidth(text: string, { size, bold, italic }: FontStyle): number {
  const key = `${bold ? 'b' : ''}${italic ? 'i' : ''} ${text}`;
  let width = unitWidths.get(key);
  if (width === undefined) {
    // Bounding boxes are those of the ink; between two bars, blanks and side bearings count too.
    width = inkWidth(`|${text}|`, bold, italic) - inkWidth('||', bold, italic);
    unitWidths.set(key, width);
  }
  return width * size;
}

/** At font size 1, measured at 100. */
function inkWidth(text: string, bold: boolean, italic: boolean): number {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const style = `font-weight="${bold ? 'bold' : 'normal'}" font-style="${italic ? 'italic' : 'normal'}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><text xml:space="preserve" font-family="${FAMILY}" font-size="100" ${style}>${escaped}</text></svg>`;
  const box = new (resvg())(svg, { font: fontOptions }).getBBox();
  if (!box) throw new Error(`textWidth: the bundled font has no glyphs for ${JSON.stringify(text)}`);
  return box.width / 100;
}
