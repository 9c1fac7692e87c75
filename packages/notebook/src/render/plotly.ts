/** Plotly in a jsdom window: without a browser, and without waiting. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { DOMWindow, JSDOM, VirtualConsole } from 'jsdom';
import type { Figure } from '../figure.js';
import { bounds } from './bounds.js';
import { type RectangleContext, rectangleContext } from './canvas.js';

const require = createRequire(import.meta.url);

interface Plotly {
  newPlot(element: Element, data: unknown, layout: unknown, config: unknown): Promise<unknown>;
  purge(element: Element): void;
  Snapshot: { toSVG(element: Element, format: 'svg', scale: number): string };
}

/** Plotly's own state on the element that it draws in. */
interface GraphElement extends HTMLElement {
  _promises?: unknown[];
  _fullLayout?: unknown;
}

let shared: { window: DOMWindow; plotly: Plotly } | undefined;

/** The figure as the text of an SVG file, the same for the same figure. */
export function drawSvg(figure: Figure): string {
  shared ??= load();
  const { window, plotly } = shared;
  seedRandom(window);
  const element = window.document.createElement('div') as GraphElement;
  window.document.body.append(element);
  try {
    // Plotly keeps what it is given and changes it.
    const { data, layout } = structuredClone({ data: figure.data, layout: figure.layout });
    // Nothing in these traces has to be waited for: when the call returns, the drawing is there, or it has thrown.
    // Plotly still looks at its element in a later turn, so its state is freed only then.
    void plotly.newPlot(element, data, layout, { staticPlot: true }).then(() => plotly.purge(element));
    if (!element._fullLayout || (element._promises?.length ?? 0) > 0) {
      throw new Error(
        'renderSvg: Plotly did not draw the figure at once; only scatter, bar and heat map traces can be drawn here',
      );
    }
    return plotly.Snapshot.toSVG(element, 'svg', 1);
  } finally {
    element.remove();
  }
}

/** Plotly names clip paths and the like at random; here the same in each drawing. */
function seedRandom(window: DOMWindow): void {
  let state = 1;
  (window as unknown as { Math: Math }).Math.random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function load(): { window: DOMWindow; plotly: Plotly } {
  const jsdom = require('jsdom') as { JSDOM: typeof JSDOM; VirtualConsole: typeof VirtualConsole };
  const { window } = new jsdom.JSDOM('<!DOCTYPE html><body></body>', {
    runScripts: 'outside-only',
    virtualConsole: new jsdom.VirtualConsole(),
  });
  const canvas = window.HTMLCanvasElement.prototype as { getContext: unknown; toDataURL: unknown };
  // Map and WebGL modules, of no use here, want these while they load.
  Object.assign(window, { TextDecoder, TextEncoder, CSS: { supports: () => false } });
  window.URL.createObjectURL = () => '';
  canvas.getContext = inertContext;
  window.Element.prototype.getBoundingClientRect = function (this: Element): DOMRect {
    const { left, top, right, bottom } = bounds(this) ?? { left: 0, top: 0, right: 0, bottom: 0 };
    const [width, height] = [right - left, bottom - top];
    return { x: left, y: top, left, top, right, bottom, width, height, toJSON: () => ({}) };
  };
  window.eval(readFileSync(require.resolve('plotly.js-dist'), 'utf8'));
  const contexts = new WeakMap<object, RectangleContext>();
  canvas.getContext = function (this: object): RectangleContext {
    const context = contexts.get(this) ?? rectangleContext();
    contexts.set(this, context);
    return context;
  };
  canvas.toDataURL = function (this: { width: number; height: number }): string {
    const context = contexts.get(this);
    if (!context) throw new Error('renderSvg: a canvas without a drawing was asked for its picture');
    return context.picture(this.width, this.height);
  };
  return { window, plotly: (window as unknown as { Plotly: Plotly }).Plotly };
}

/** A canvas on which nothing can be seen. */
function inertContext(): unknown {
  return new Proxy(
    {},
    {
      get: (_, name) => {
        if (name === 'measureText') return () => ({ width: 0 });
        if (name === 'getImageData') {
          return (_x: number, _y: number, width: number, height: number) => ({
            data: new Uint8ClampedArray(4 * width * height),
          });
        }
        return () => {};
      },
    },
  );
}
