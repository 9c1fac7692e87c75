import { RandomStream } from '../../random.js';
import { direction, drawMarker, type Paddle, Paddles, type Patch } from './paddles.js';
import { checkSettings, type PathfinderSettings } from './settings.js';

/** How labels are drawn: each by the toss of a coin, as published, or 0 and 1 in turn. */
export type PathfinderLabels = 'coin' | 'alternate';

interface Pixel {
  y: number;
  x: number;
}

/** The end of a contour that grows. */
interface Tip {
  /** The middle of the gap behind the last paddle. */
  pivot: Pixel;
  orientation: number;
  /** The last paddle: it blocks the way of others only when the next one stands. */
  last: { area: Patch; at: Pixel };
}

/** Both long contours. */
interface Contours {
  starts: Pixel[];
  ends: Pixel[];
}

const full = 255;

/**
 * Draws Pathfinder images: two long contours of short strokes (paddles), short distractors, and two round markers. Label 1: the
 * markers are the two ends of one contour; label 0: they are ends of different ones.
 *
 * The rules are those of the published generator (github.com/drewlinsley/pathfinder, `snakes2`; after Houtkamp and Roelfsema
 * 2010), written anew from a reading of it:
 *
 * 1. The first paddle of the first contour starts at a random pixel of the middle of the image; that of the second
 *    `seedDistance` away. Orientations are whole degrees.
 * 2. In turn, each contour gets a paddle more. From the pivot (beyond the end of the last paddle, a margin away) all pixels on
 *    a circle of radius length + margin are candidates for the new paddle's end; a candidate that turns by δ has the weight
 *    cos²(min(continuity · δ, π/2)) · (1 - occupation). The paddle must not touch what is occupied: a few attempts,
 *    then everything starts afresh.
 * 3. Distractors grow in the same way from random free places; one that finds no room is left out after some attempts.
 * 4. Markers are put on. The image is scaled so that its brightest value is 255.
 *
 * Occupation is a grey image: a paddle's surroundings, smoothed.
 *
 * Kept from the published code, though they look like slips: of the two long contours only the second's last paddle occupies
 * room; a distractor is brighter than a long contour (2 against 2 · 0.75).
 */
export class PathfinderGenerator {
  private readonly paddles: readonly Paddles[];
  private readonly kernels = new Map<Paddle, readonly Pixel[]>();
  private readonly markers = new Map<number, Uint8Array>();
  private image: Float64Array;
  private occupied: Uint8Array;

  constructor(private readonly settings: PathfinderSettings) {
    checkSettings(settings);
    this.paddles = settings.paddleMargins.map((margin) => new Paddles(settings, margin));
    this.image = new Float64Array(settings.size ** 2);
    this.occupied = new Uint8Array(settings.size ** 2);
  }

  /** Writes an image of a label, size x size grey values row by row, into `into`. */
  draw(stream: RandomStream, label: number, into: Uint8Array): void {
    const { settings } = this;
    const margin = stream.below(settings.paddleMargins.length);
    const distance = settings.paddleMargins[margin];
    let contours: Contours | undefined;
    while (!contours) contours = this.contours(stream, this.paddles[margin], distance);
    for (let i = 0; i < settings.distractors; i++) {
      for (let attempt = 0; attempt <= settings.distractorRetries; attempt++) {
        if (this.distractor(stream, this.paddles[margin], distance)) break;
      }
    }
    const marked = stream.below(2);
    this.mark(contours.starts[marked]);
    this.mark(contours.ends[label === 1 ? marked : 1 - marked]);
    let brightest = 0;
    for (const value of this.image) brightest = Math.max(brightest, value);
    for (let i = 0; i < into.length; i++) into[i] = Math.floor(this.image[i] * (full / brightest) + 0.5);
  }

  /** Both long contours on an empty image; undefined if one of them gets stuck. */
  private contours(stream: RandomStream, paddles: Paddles, margin: number): Contours | undefined {
    const { size, padding, seedDistance, contourLength, contourContrasts, paddleContrasts } = this.settings;
    this.image.fill(0);
    this.occupied.fill(full);
    for (let y = padding; y < size - padding; y++) {
      this.occupied.fill(0, y * size + padding, (y + 1) * size - padding);
    }
    const contrasts = draw2(stream, contourContrasts);
    const contrast = (contour: number): number => pick(stream, paddleContrasts) * contrasts[contour];
    const first = this.seed(stream, paddles, margin, 2 * seedDistance, contrast(0));
    if (!first) return undefined;
    const second = this.seedBeside(stream, paddles, margin, first.start, contrast(1));
    if (!second) return undefined;
    const tips = [first.tip, second.tip];
    const ends: Pixel[] = [first.start, second.start];
    for (let paddle = 1; paddle < contourLength; paddle++) {
      const brightness = pick(stream, paddleContrasts);
      for (const contour of [0, 1]) {
        const end = this.extend(stream, paddles, margin, tips[contour], brightness * contrasts[contour]);
        if (!end) return undefined;
        ends[contour] = end;
      }
    }
    this.occupy(tips[1].last);
    return { starts: [first.start, second.start], ends };
  }

  /** A distractor; without room for it the image stays as it was, and the answer is false. */
  private distractor(stream: RandomStream, paddles: Paddles, margin: number): boolean {
    const { size, distractorLength, contourContrasts } = this.settings;
    const free = this.occupied.reduce((count, value) => count + (blocked(value) ? 0 : 1), 0);
    if (free / size ** 2 < 0.01) return false;
    const image = this.image.slice();
    const occupied = this.occupied.slice();
    const tip = this.seed(stream, paddles, margin, 1, pick(stream, contourContrasts))?.tip;
    let grown = tip !== undefined;
    for (let paddle = 1; grown && paddle < distractorLength; paddle++) {
      grown = this.extend(stream, paddles, margin, tip!, pick(stream, contourContrasts)) !== undefined;
    }
    if (grown) {
      this.occupy(tip!.last);
    } else {
      this.image = image;
      this.occupied = occupied;
    }
    return grown;
  }

  /** A first paddle, somewhere free and at least `frame` pixels from the image's border. */
  private seed(
    stream: RandomStream,
    paddles: Paddles,
    margin: number,
    frame: number,
    contrast: number,
  ): { start: Pixel; tip: Tip } | undefined {
    const { size, paddleRetries } = this.settings;
    for (let attempt = 0; attempt <= paddleRetries; attempt++) {
      const orientation = wholeDegrees(stream);
      const room = this.roomFor(paddles.at(orientation), margin, frame);
      if (room.length === 0) return undefined;
      const chosen = room[stream.below(room.length)];
      const start = { y: Math.floor(chosen / size), x: chosen % size };
      const tip = this.firstTip(paddles, margin, start, orientation);
      if (!tip) continue;
      this.paint(paddles.at(orientation).line, start, contrast);
      return { start, tip };
    }
    return undefined;
  }

  /** The first paddle of the second contour, `seedDistance` from the first's. What is occupied does not matter: nothing is there. */
  private seedBeside(
    stream: RandomStream,
    paddles: Paddles,
    margin: number,
    first: Pixel,
    contrast: number,
  ): { start: Pixel; tip: Tip } | undefined {
    const { seedDistance, paddleRetries } = this.settings;
    for (let attempt = 0; attempt <= paddleRetries; attempt++) {
      const orientation = wholeDegrees(stream);
      const { sin, cos } = direction((stream.below(360) * Math.PI) / 180);
      const start = {
        y: Math.round(first.y + seedDistance * sin),
        x: Math.round(first.x + seedDistance * cos),
      };
      const tip = this.firstTip(paddles, margin, start, orientation);
      if (!tip) continue;
      this.paint(paddles.at(orientation).line, start, contrast);
      return { start, tip };
    }
    return undefined;
  }

  private firstTip(paddles: Paddles, margin: number, start: Pixel, orientation: number): Tip | undefined {
    const { paddleLength } = this.settings;
    const head = moved(start, orientation, paddleLength);
    const pivot = moved(head, opposite(orientation), paddleLength + margin);
    if (!this.within(head) || !this.within(pivot)) return undefined;
    return { pivot, orientation, last: { area: paddles.at(orientation).area, at: start } };
  }

  /** The pixels where a first paddle of this kind may start, as indices. */
  private roomFor(paddle: Paddle, margin: number, frame: number): number[] {
    const { size } = this.settings;
    const kernel = this.kernel(paddle, margin);
    const room: number[] = [];
    // Outside of the frame everything counts as occupied, so that also pixels from which the paddle reaches there are out.
    const taken = (y: number, x: number): boolean => {
      if (y < 0 || y >= size || x < 0 || x >= size) return false;
      const inFrame = y < frame || y >= size - frame || x < frame || x >= size - frame;
      return inFrame || blocked(this.occupied[y * size + x]);
    };
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        if (!kernel.some((offset) => taken(y + offset.y, x + offset.x))) room.push(y * size + x);
      }
    }
    return room;
  }

  /**
   * Where a paddle occupies all of a pixel, relative to its start. As in the published code the window that is looked at has its
   * middle one pixel before the start, and what reaches out of the window is not looked at.
   */
  private kernel(paddle: Paddle, margin: number): readonly Pixel[] {
    const known = this.kernels.get(paddle);
    if (known) return known;
    const { radius, values } = paddle.area;
    const half = this.settings.paddleLength + margin;
    const offsets: Pixel[] = [];
    for (let y = -half; y <= half; y++) {
      for (let x = -half; x <= half; x++) {
        const [row, column] = [y - 1 + radius, x - 1 + radius];
        const isInside = row >= 0 && column >= 0 && row <= 2 * radius && column <= 2 * radius;
        if (isInside && values[row * (2 * radius + 1) + column] === full) offsets.push({ y, x });
      }
    }
    this.kernels.set(paddle, offsets);
    return offsets;
  }

  /** One paddle more: its end, or undefined if there is no way on. */
  private extend(
    stream: RandomStream,
    paddles: Paddles,
    margin: number,
    tip: Tip,
    contrast: number,
  ): Pixel | undefined {
    const { paddleLength, paddleRetries } = this.settings;
    const pivot = moved(tip.pivot, tip.orientation, paddleLength + 2 * margin);
    const { ends, orientations, cumulated } = this.candidates(pivot, tip.orientation, margin);
    if (ends.length === 0) return undefined;
    for (let attempt = 0; attempt <= paddleRetries; attempt++) {
      const drawn = stream.float();
      const chosen = Math.max(
        0,
        cumulated.findIndex((sum) => sum > drawn),
      );
      const paddle = paddles.at(opposite(orientations[chosen]));
      if (this.touches(paddle.area, ends[chosen])) continue;
      this.paint(paddle.line, ends[chosen], contrast);
      this.occupy(tip.last);
      tip.pivot = pivot;
      tip.orientation = orientations[chosen];
      tip.last = { area: paddle.area, at: ends[chosen] };
      return ends[chosen];
    }
    return undefined;
  }

  /** Ends that the next paddle may have, with their cumulated probabilities; none if all are blocked. */
  private candidates(
    pivot: Pixel,
    orientation: number,
    margin: number,
  ): { ends: Pixel[]; orientations: number[]; cumulated: number[] } {
    const { size, paddleLength, continuity } = this.settings;
    const radius = paddleLength + margin;
    const ends: Pixel[] = [];
    const orientations: number[] = [];
    const cumulated: number[] = [];
    let total = 0;
    // Steps of one pixel along the circle.
    const steps = Math.ceil(2 * Math.PI * radius);
    for (let step = 0; step < steps; step++) {
      const { sin, cos } = direction(step / radius);
      const [exactY, exactX] = [pivot.y + radius * sin, pivot.x + radius * cos];
      if (exactY < 0 || exactY >= size || exactX < 0 || exactX >= size) continue;
      const end = { y: Math.floor(exactY), x: Math.floor(exactX) };
      if (ends.some(({ y, x }) => y === end.y && x === end.x)) continue;
      const towards = Math.atan2(end.y - pivot.y, end.x - pivot.x);
      const difference = Math.abs(towards - orientation);
      const turn = Math.min(difference, 2 * Math.PI - difference);
      const { cos: straightness } = direction(Math.min(turn * continuity, Math.PI / 2));
      total += (1 - this.occupation(end, margin) / full) * Math.max(0, straightness) ** 2;
      ends.push(end);
      orientations.push(towards);
      cumulated.push(total);
    }
    if (total < 1e-4) return { ends: [], orientations: [], cumulated: [] };
    return { ends, orientations, cumulated: cumulated.map((sum) => sum / total) };
  }

  /** The highest occupation within `margin` of a pixel. */
  private occupation({ y, x }: Pixel, margin: number): number {
    const { size } = this.settings;
    let highest = 0;
    for (let v = Math.max(0, y - margin); v <= Math.min(size - 1, y + margin); v++) {
      for (let u = Math.max(0, x - margin); u <= Math.min(size - 1, x + margin); u++) {
        if ((v - y) ** 2 + (u - x) ** 2 > margin * margin) continue;
        highest = Math.max(highest, this.occupied[v * size + u]);
      }
    }
    return highest;
  }

  private touches(patch: Patch, at: Pixel): boolean {
    // 1.8 of 2: both have to be nearly full.
    return this.overlay(patch, at, (index, value) => this.occupied[index] + value >= 1.8 * full);
  }

  private occupy({ area, at }: { area: Patch; at: Pixel }): void {
    this.overlay(area, at, (index, value) => {
      if (value > this.occupied[index]) this.occupied[index] = value;
      return false;
    });
  }

  private paint(line: Patch, at: Pixel, contrast: number): void {
    this.overlay(line, at, (index, value) => {
      const brightness = Math.fround((value / full) * contrast);
      if (brightness > this.image[index]) this.image[index] = brightness;
      return false;
    });
  }

  /** Visits the pixels of the image under a patch, until a visit answers true. */
  private overlay(
    { radius, values }: Patch,
    at: Pixel,
    visit: (index: number, value: number) => boolean,
  ): boolean {
    const { size } = this.settings;
    const side = 2 * radius + 1;
    for (let y = Math.max(0, at.y - radius); y <= Math.min(size - 1, at.y + radius); y++) {
      for (let x = Math.max(0, at.x - radius); x <= Math.min(size - 1, at.x + radius); x++) {
        if (visit(y * size + x, values[(y - at.y + radius) * side + x - at.x + radius])) return true;
      }
    }
    return false;
  }

  private mark(at: Pixel): void {
    const index = at.y * this.settings.size + at.x;
    let marker = this.markers.get(index);
    if (!marker) {
      marker = drawMarker(this.settings, at);
      this.markers.set(index, marker);
    }
    for (const [i, value] of marker.entries()) this.image[i] = Math.max(this.image[i], value / full);
  }

  private within({ y, x }: Pixel): boolean {
    return y >= 0 && x >= 0 && y < this.settings.size && x < this.settings.size;
  }
}

const blocked = (occupation: number): boolean => occupation > 0.3 * full;

const wholeDegrees = (stream: RandomStream): number => ((stream.below(360) - 180) * Math.PI) / 180;

const opposite = (orientation: number): number => orientation + (orientation < 0 ? Math.PI : -Math.PI);

/** A pixel `distance` away, rounded up in both directions as in the published code. */
function moved({ y, x }: Pixel, orientation: number, distance: number): Pixel {
  const { sin, cos } = direction(orientation);
  return { y: Math.ceil(y + distance * sin), x: Math.ceil(x + distance * cos) };
}

function pick(stream: RandomStream, values: readonly number[]): number {
  return values.length === 1 ? values[0] : values[stream.below(values.length)];
}

/** Two of the values, each of which is there twice. */
function draw2(stream: RandomStream, values: readonly number[]): number[] {
  if (values.length === 1) return [values[0], values[0]];
  const order = stream.permutation(2 * values.length);
  return [values[order[0] % values.length], values[order[1] % values.length]];
}

/** Images `start .. end - 1` of a seed: each has a stream of its own, so that blocks can be made in any order. */
export function generatePathfinderBlock(
  settings: PathfinderSettings,
  labels: PathfinderLabels,
  seed: number,
  start: number,
  end: number,
): { images: Uint8Array; labels: Uint8Array } {
  const generator = generatorOf(settings);
  const pixels = settings.size ** 2;
  const images = new Uint8Array((end - start) * pixels);
  const drawn = new Uint8Array(end - start);
  for (let i = 0; i < drawn.length; i++) {
    const stream = new RandomStream(seed, 'pathfinder', start + i);
    const coin = stream.below(2);
    drawn[i] = labels === 'coin' ? coin : (start + i) % 2;
    generator.draw(stream, drawn[i], images.subarray(i * pixels, (i + 1) * pixels));
  }
  return { images, labels: drawn };
}

// A generator keeps the paddles that it has drawn; those of the last settings are kept from block to block.
let last: { key: string; generator: PathfinderGenerator } | undefined;

function generatorOf(settings: PathfinderSettings): PathfinderGenerator {
  const key = JSON.stringify(settings);
  if (last?.key !== key) last = { key, generator: new PathfinderGenerator(settings) };
  return last.generator;
}
