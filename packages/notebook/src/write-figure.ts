import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import type { Figure } from './figure.js';
import { renderPng, renderSvg } from './render/render.js';

/**
 * Writes a figure to a file, by the path's ending: `.svg`, `.png` (2 pixels to a CSS pixel) or `.json` (Plotly's own
 * form). Folders on the way are made. The file is there as a whole or not at all.
 *
 * @throws TypeError for another ending
 */
export function writeFigure(figure: Figure, path: string): void {
  const content = fileContent(figure, path);
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function fileContent(figure: Figure, path: string): string | Uint8Array {
  const ending = extname(path).toLowerCase();
  switch (ending) {
    case '.svg':
      return renderSvg(figure);
    case '.png':
      return renderPng(figure, { scale: 2 });
    case '.json':
      return `${JSON.stringify(figure)}\n`;
    default:
      throw new TypeError(
        `writeFigure: '${path}' ends in '${ending}', which is none of .svg, .png and .json`,
      );
  }
}
