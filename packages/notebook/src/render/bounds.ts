/** Boxes of SVG elements on the page, which jsdom does not lay out. */
import { ASCENT, DESCENT, type FontStyle, textWidth } from './fonts.js';

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** What is needed of a DOM element. Named here since the declarations are also read where there is no DOM. */
export interface SvgElement {
  readonly tagName: string;
  readonly namespaceURI: string | null;
  readonly textContent: string | null;
  readonly parentElement: SvgElement | null;
  readonly children: ArrayLike<SvgElement>;
  readonly style?: { getPropertyValue(property: string): string };
  getAttribute(name: string): string | null;
  hasAttribute(name: string): boolean;
  querySelectorAll(selectors: string): ArrayLike<SvgElement>;
}

/** An affine map: x' = a x + c y + e, y' = b x + d y + f. */
type Matrix = [a: number, b: number, c: number, d: number, e: number, f: number];

const IDENTITY: Matrix = [1, 0, 0, 1, 0, 0];

/** The element's box on the page: its own or its children's, under all transforms up to the drawing's root. */
export function bounds(element: SvgElement): Box | null {
  return boundsUnder(element, element.parentElement ? chain(element.parentElement) : IDENTITY);
}

function boundsUnder(element: SvgElement, outer: Matrix): Box | null {
  const matrix = multiply(outer, parseTransform(element.getAttribute('transform')));
  switch (element.tagName.toLowerCase()) {
    case 'text':
      return join(textLines(element).map((box) => mapBox(matrix, box)));
    case 'rect': {
      const [left, top] = [number(element, 'x'), number(element, 'y')];
      const box = {
        left,
        top,
        right: left + number(element, 'width'),
        bottom: top + number(element, 'height'),
      };
      return mapBox(matrix, box);
    }
    case 'path': {
      const box = pathBox(element.getAttribute('d') ?? '');
      return box && mapBox(matrix, box);
    }
    case 'g':
    case 'svg':
    case 'a':
      return join(Array.from(element.children, (child) => boundsUnder(child, matrix)));
    default:
      return null;
  }
}

function chain(element: SvgElement): Matrix {
  const own = parseTransform(element.getAttribute('transform'));
  const parent = element.parentElement;
  return parent && parent.namespaceURI === element.namespaceURI ? multiply(chain(parent), own) : own;
}

/** One box for each line: Plotly makes a `tspan` of class `line` for each when there are several. */
function textLines(text: SvgElement): Box[] {
  const lines = Array.from(text.querySelectorAll('tspan.line'));
  const style = fontStyle(text);
  const anchor = inherited(text, 'text-anchor') || 'start';
  let baseline = number(text, 'y');
  return (lines.length > 0 ? lines : [text]).map((line) => {
    if (line !== text) baseline += Number.parseFloat(line.getAttribute('dy') ?? '0') * style.size;
    const width = textWidth(line.textContent ?? '', style);
    const x = line.hasAttribute('x') ? number(line, 'x') : number(text, 'x');
    const left = anchor === 'middle' ? x - width / 2 : anchor === 'end' ? x - width : x;
    return {
      left,
      top: baseline - ASCENT * style.size,
      right: left + width,
      bottom: baseline + DESCENT * style.size,
    };
  });
}

function fontStyle(element: SvgElement): FontStyle {
  const weight = inherited(element, 'font-weight');
  return {
    size: Number.parseFloat(inherited(element, 'font-size')) || 12,
    bold: weight === 'bold' || Number(weight) >= 600,
    italic: inherited(element, 'font-style') === 'italic',
  };
}

/** A property from the element's or the nearest ancestor's own style or attribute. */
function inherited(element: SvgElement, property: string): string {
  for (let at: SvgElement | null = element; at; at = at.parentElement) {
    const style = at.style?.getPropertyValue(property);
    const value = style || at.getAttribute(property);
    if (value) return value;
  }
  return '';
}

/** Of the path's points; Plotly measures only paths of straight lines. */
function pathBox(d: string): Box | null {
  const points: [number, number][] = [];
  let [x, y] = [0, 0];
  for (const [, command, rest] of d.matchAll(/([a-zA-Z])([^a-zA-Z]*)/g)) {
    const values = Array.from(rest.matchAll(/-?[\d.]+(?:e[-+]?\d+)?/g), ([value]) => Number(value));
    const relative = command === command.toLowerCase();
    const step = 'hHvV'.includes(command) ? 1 : 2;
    for (let i = 0; i + step <= values.length; i += step) {
      const [first, second] = values.slice(i, i + step);
      if ('hH'.includes(command)) x = relative ? x + first : first;
      else if ('vV'.includes(command)) y = relative ? y + first : first;
      else [x, y] = relative ? [x + first, y + second] : [first, second];
      points.push([x, y]);
    }
  }
  return join(points.map(([px, py]) => ({ left: px, top: py, right: px, bottom: py })));
}

function number(element: SvgElement, attribute: string): number {
  return Number.parseFloat(element.getAttribute(attribute) ?? '') || 0;
}

function join(boxes: (Box | null)[]): Box | null {
  const all = boxes.filter((box) => box !== null);
  if (all.length === 0) return null;
  return {
    left: Math.min(...all.map((box) => box.left)),
    top: Math.min(...all.map((box) => box.top)),
    right: Math.max(...all.map((box) => box.right)),
    bottom: Math.max(...all.map((box) => box.bottom)),
  };
}

function mapBox([a, b, c, d, e, f]: Matrix, { left, top, right, bottom }: Box): Box {
  const corners = [left, right].flatMap((x) =>
    [top, bottom].map((y) => [a * x + c * y + e, b * x + d * y + f]),
  );
  return join(corners.map(([x, y]) => ({ left: x, top: y, right: x, bottom: y })))!;
}

function multiply(p: Matrix, q: Matrix): Matrix {
  return [
    p[0] * q[0] + p[2] * q[1],
    p[1] * q[0] + p[3] * q[1],
    p[0] * q[2] + p[2] * q[3],
    p[1] * q[2] + p[3] * q[3],
    p[0] * q[4] + p[2] * q[5] + p[4],
    p[1] * q[4] + p[3] * q[5] + p[5],
  ];
}

/** The value of a `transform` attribute. */
export function parseTransform(attribute: string | null): Matrix {
  let matrix = IDENTITY;
  for (const [, name, list] of (attribute ?? '').matchAll(/(\w+)\(([^)]*)\)/g)) {
    const values = list
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(Number);
    matrix = multiply(matrix, transformMatrix(name, values));
  }
  return matrix;
}

function transformMatrix(name: string, values: number[]): Matrix {
  const [first, second = 0, third = 0] = values;
  switch (name) {
    case 'translate':
      return [1, 0, 0, 1, first, second];
    case 'scale':
      return [first, 0, 0, values.length > 1 ? second : first, 0, 0];
    case 'rotate': {
      const [cos, sin] = [Math.cos((first * Math.PI) / 180), Math.sin((first * Math.PI) / 180)];
      // About the point (second, third).
      return [cos, sin, -sin, cos, second - cos * second + sin * third, third - sin * second - cos * third];
    }
    case 'matrix':
      return values as Matrix;
    default:
      throw new Error(`render: transform '${name}' is not supported`);
  }
}
