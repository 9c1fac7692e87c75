/** Whether a person would see a figure in a notebook, and whether it answers to the mouse. */
import assert from 'node:assert/strict';

const PLOTLY = 'application/vnd.plotly.v1+json';

/** All figures of a cell's outputs. */
export const figuresOf = ({ outputs }) => outputs.map(({ data }) => data?.[PLOTLY]).filter(Boolean);

/**
 * Checks a figure at `locator`: its picture before the mouse comes has more than its background, then Plotly draws its
 * traces, each as large as something that can be seen, and a label appears over a point of each panel.
 */
export async function checkFigure(page, locator, figure, name) {
  // Away, since the page moves beneath it.
  await page.mouse.move(1, 1);
  await locator.scrollIntoViewIfNeeded();
  await checkPicture(locator.locator('img.plot-img'), `${name}: its picture`);
  // Not Playwright's own hovering, which insists on the picture that goes away beneath it.
  const picture = await locator.locator('img.plot-img').boundingBox();
  await page.mouse.move(picture.x + picture.width / 2, picture.y + 4);
  await locator.locator('.main-svg').first().waitFor();
  await locator.locator('.plot-container').waitFor();
  const { width, height } = figure.layout;
  const box = await locator.locator('.main-svg').first().boundingBox();
  assert.ok(
    Math.abs(box.width - width) < 2 && Math.abs(box.height - height) < 2,
    `${name}: drawn at ${box.width} x ${box.height}, its size is ${width} x ${height}`,
  );
  const title = figure.layout.title.text;
  assert.ok((await locator.locator('.gtitle').textContent()).length > 0, `${name}: has its title '${title}'`);

  const shapes = await drawnShapes(locator);
  const shown = figure.data.filter(hasValues);
  assert.ok(shown.length > 0, `${name}: has something to draw`);
  for (const type of new Set(shown.map((trace) => trace.type))) {
    const drawn = shapes.filter((shape) => shape.type === type);
    assert.ok(drawn.length > 0, `${name}: traces of type ${type} are drawn`);
    const largest = Math.max(...drawn.map((shape) => Math.max(shape.width, shape.height)));
    assert.ok(largest > 4, `${name}: what is drawn of type ${type} can be seen (${largest} pixels)`);
  }
  await checkHover(page, locator, shapes, name);
}

/** A picture that was loaded and has more than one colour. */
export async function checkPicture(image, name) {
  await image.scrollIntoViewIfNeeded();
  const { width, colors } = await image.evaluate(async (element) => {
    await element.decode();
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width: element.naturalWidth, height: element.naturalHeight });
    const context = canvas.getContext('2d');
    context.drawImage(element, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    return { width: canvas.width, colors: new Set(pixels).size };
  });
  assert.ok(width > 10, `${name} is ${width} pixels wide`);
  assert.ok(colors > 2, `${name} has more than its background (${colors} colours)`);
}

const hasValues = ({ type, y, z, hoverinfo }) =>
  hoverinfo !== 'skip' && (type === 'heatmap' ? z.flat() : y).some((value) => value !== null);

/**
 * What Plotly drew: the size of each shape on the page, and points on it that the mouse can go to with how far they are from
 * the edges of their panel.
 */
export function drawnShapes(locator) {
  return locator.evaluate((node) => {
    const panels = [...node.querySelectorAll('.nsewdrag')].map((panel) => panel.getBoundingClientRect());
    const inside = ([x, y]) =>
      Math.max(
        ...panels.map(({ left, right, top, bottom }) => Math.min(x - left, right - x, y - top, bottom - y)),
      );
    const shapes = [];
    const note = (type, element, points) => {
      const { width, height } = element.getBoundingClientRect();
      if (width === 0 && height === 0) return;
      shapes.push({ type, width, height, points: points.map((point) => ({ point, inside: inside(point) })) });
    };
    /** Of what can be seen: a bar begins at 0, which its axis may not show. */
    const middle = (element) => {
      const box = element.getBoundingClientRect();
      const seen = panels
        .map((panel) => ({
          left: Math.max(box.left, panel.left),
          right: Math.min(box.right, panel.right),
          top: Math.max(box.top, panel.top),
          bottom: Math.min(box.bottom, panel.bottom),
        }))
        .find(({ left, right, top, bottom }) => left <= right && top <= bottom);
      const { left, right, top, bottom } = seen ?? box;
      return [(left + right) / 2, (top + bottom) / 2];
    };
    for (const line of node.querySelectorAll('.scatterlayer .js-line')) {
      // The points that it joins: between two that are far apart the mouse is near neither.
      const joined = [...line.getAttribute('d').matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => {
        const at = new DOMPoint(Number(x), Number(y)).matrixTransform(line.getScreenCTM());
        return [at.x, at.y];
      });
      note('scatter', line, joined);
    }
    for (const mark of node.querySelectorAll('.scatterlayer .point')) note('scatter', mark, [middle(mark)]);
    for (const bar of node.querySelectorAll('.barlayer .point path')) note('bar', bar, [middle(bar)]);
    for (const image of node.querySelectorAll('.heatmaplayer image')) {
      const { x, y, width, height } = image.getBoundingClientRect();
      // The middle of the lower left quarter: a causal matrix is empty above its diagonal.
      note('heatmap', image, [[x + width / 4, y + (3 * height) / 4]]);
    }
    return shapes;
  });
}

/** Points of the shapes, those first that are farthest from the edges of their panel, where Plotly may not answer. */
export function pointsOf(shapes) {
  return shapes
    .flatMap(({ points }) => points)
    .sort((a, b) => b.inside - a.inside)
    .map(({ point }) => point);
}

/** Over what is drawn a label appears, with text in it. */
async function checkHover(page, locator, shapes, name) {
  const points = pointsOf(shapes).slice(0, 6);
  for (const [x, y] of points) {
    await page.mouse.move(x - 3, y - 3);
    await page.mouse.move(x, y, { steps: 3 });
    const label = locator.locator('.hoverlayer .hovertext').first();
    try {
      await label.waitFor({ timeout: 4000 });
    } catch {
      // Another figure's part may lie on top of it.
      continue;
    }
    assert.ok((await label.textContent()).trim().length > 0, `${name}: the label over it has a text`);
    return;
  }
  assert.fail(`${name}: no label appears under the mouse, at any of ${points.length} points`);
}
