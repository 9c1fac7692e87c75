import { RandomStream } from '../../random.js';
import { direction, drawMarker, type Paddle, Paddles, type Patch, type Pixel } from './paddles.js';
import { checkSettings, type PathfinderSettings } from './settings.js';
import { Turns } from './turns.js';

/** How labels are drawn: each by the toss of a coin, as published, or 0 and 1 in turn. */
export type PathfinderLabels = 'coin' | 'alternate';

/** The end of a contour that grows. */
interface Tip {
  /** The middle of the gap behind the last paddle. */
  pivot: Pixel;
  orientation: number;
  /** The last paddle: it blocks the way of others only when the next one stands. */
  last: Patch;
  at: Pixel;
}

/** Both long contours. */
interface Contours {
  starts: Pixel[];
  ends: Pixel[];
}

/** What belongs to a width of the gaps. */
interface Drawing {
  margin: number;
  paddles: Paddles;
  turns: Turns;
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
 * Kept from the published code, though they look like slips:
 * - The search for a first paddle's place gives up if at any pixel of the image, corners included, none of the kernel's pixels
 *   is in the image (a dilation yields -∞ there, and the code takes any negative value for "no place"). That leaves only
 *   orientations up and to the left, for the first contour and for distractors, of which most find no place.
 *   `seedOrientations: 'all'` lifts it.
 * - Of the two long contours only the second's last paddle occupies room.
 * - A distractor is brighter than a long contour (2 against 2 · 0.75).
 *
 * How ours differs: the seed fixes every bit, which the published code's does not; sines are rounded to 2⁻⁴⁰, so that 2 of the
 * 360 orientations (±120°) draw a paddle of one pixel less or more than with numpy's; paddles thicker than one pixel of the fine
 * drawing, which LRA's 32 x 32 images do not have, may differ at their edges.
 */
export class PathfinderGenerator {
  private readonly drawings: readonly Drawing[];
  private readonly markers = new Map<number, Uint8Array>();
  private readonly image: Float64Array;
  private readonly occupied: Uint8Array;
  private readonly savedImage: Float64Array;
  private readonly savedOccupied: Uint8Array;

  constructor(private readonly settings: PathfinderSettings) {
    checkSettings(settings);
    this.drawings = settings.paddleMargins.map((margin) => ({
      margin,
      paddles: new Paddles(settings, margin),
      turns: new Turns(settings.paddleLength + margin, margin, settings.continuity),
    }));
    const pixels = settings.size ** 2;
    this.image = new Float64Array(pixels);
    this.occupied = new Uint8Array(pixels);
    this.savedImage = new Float64Array(pixels);
    this.savedOccupied = new Uint8Array(pixels);
  }

  /** Writes an image of a label, size x size grey values row by row, into `into`. */
  draw(stream: RandomStream, label: number, into: Uint8Array): void {
    const { settings, image } = this;
    const drawing = pick(stream, this.drawings);
    let contours: Contours | undefined;
    while (!contours) contours = this.contours(stream, drawing);
    for (let i = 0; i < settings.distractors; i++) {
      for (let attempt = 0; attempt <= settings.distractorRetries; attempt++) {
        if (this.distractor(stream, drawing)) break;
      }
    }
    const marked = stream.below(2);
    this.mark(contours.starts[marked]);
    this.mark(contours.ends[label === 1 ? marked : 1 - marked]);
    let brightest = 0;
    for (let i = 0; i < image.length; i++) if (image[i] > brightest) brightest = image[i];
    for (let i = 0; i < into.length; i++) into[i] = Math.floor(image[i] * (full / brightest) + 0.5);
  }

  /** Both long contours on an empty image; undefined if one of them gets stuck. */
  private contours(stream: RandomStream, drawing: Drawing): Contours | undefined {
    const { size, padding, seedDistance, contourLength, contourContrasts, paddleContrasts } = this.settings;
    const orientation = wholeDegrees(stream);
    // Most attempts end here, before anything is drawn.
    if (!this.isPlaceable(drawing.paddles.at(orientation))) return undefined;
    this.image.fill(0);
    this.occupied.fill(full);
    for (let y = padding; y < size - padding; y++) {
      this.occupied.fill(0, y * size + padding, (y + 1) * size - padding);
    }
    const contrasts = draw2(stream, contourContrasts);
    const contrast = (contour: number): number => pick(stream, paddleContrasts) * contrasts[contour];
    const first = this.seed(stream, drawing, 2 * seedDistance, contrast(0), orientation);
    if (!first) return undefined;
    const second = this.seedBeside(stream, drawing, first.at, contrast(1));
    if (!second) return undefined;
    const starts = [first.at, second.at];
    for (let paddle = 1; paddle < contourLength; paddle++) {
      const brightness = pick(stream, paddleContrasts);
      if (!this.extend(stream, drawing, first, brightness * contrasts[0])) return undefined;
      if (!this.extend(stream, drawing, second, brightness * contrasts[1])) return undefined;
    }
    this.occupy(second);
    return { starts, ends: [first.at, second.at] };
  }

  /** A distractor; without room for it the image stays as it was, and the answer is false. */
  private distractor(stream: RandomStream, drawing: Drawing): boolean {
    const { size, distractorLength, contourContrasts } = this.settings;
    const orientation = wholeDegrees(stream);
    if (!this.isPlaceable(drawing.paddles.at(orientation))) return false;
    let free = 0;
    for (let i = 0; i < this.occupied.length; i++) if (!blocks(this.occupied[i])) free++;
    if (free / size ** 2 < 0.01) return false;
    this.savedImage.set(this.image);
    this.savedOccupied.set(this.occupied);
    const tip = this.seed(stream, drawing, 1, pick(stream, contourContrasts), orientation);
    let grown = tip !== undefined;
    for (let paddle = 1; grown && paddle < distractorLength; paddle++) {
      grown = this.extend(stream, drawing, tip!, pick(stream, contourContrasts));
    }
    if (grown) {
      this.occupy(tip!);
    } else {
      this.image.set(this.savedImage);
      this.occupied.set(this.savedOccupied);
    }
    return grown;
  }

  /** Whether the published code can place a first paddle of this kind. */
  private isPlaceable({ kernel }: Paddle): boolean {
    if (this.settings.seedOrientations === 'all') return true;
    const reaches = (up: boolean, left: boolean): boolean =>
      kernel.some(({ y, x }) => (up ? y <= 0 : y >= 0) && (left ? x <= 0 : x >= 0));
    // Seen from each of the four corners, a pixel of the kernel is in the image.
    return reaches(true, true) && reaches(true, false) && reaches(false, true) && reaches(false, false);
  }

  /** A first paddle, somewhere free and at least `frame` pixels from the image's border; `orientation` is the first that is tried. */
  private seed(
    stream: RandomStream,
    { paddles, margin }: Drawing,
    frame: number,
    contrast: number,
    orientation: number,
  ): Tip | undefined {
    const { size, paddleRetries } = this.settings;
    let towards = orientation;
    for (let attempt = 0; attempt <= paddleRetries; attempt++) {
      if (attempt > 0) towards = wholeDegrees(stream);
      const paddle = paddles.at(towards);
      if (!this.isPlaceable(paddle)) return undefined;
      const room = this.roomFor(paddle.kernel, frame);
      if (room.length === 0) return undefined;
      const chosen = room[stream.below(room.length)];
      const tip = this.firstTip(paddle, margin, { y: Math.floor(chosen / size), x: chosen % size }, towards);
      if (!tip) continue;
      this.paint(paddle.line, tip.at, contrast);
      return tip;
    }
    return undefined;
  }

  /** The first paddle of the second contour, `seedDistance` from the first's. What is occupied does not matter: nothing is there. */
  private seedBeside(
    stream: RandomStream,
    { paddles, margin }: Drawing,
    first: Pixel,
    contrast: number,
  ): Tip | undefined {
    const { seedDistance, paddleRetries } = this.settings;
    for (let attempt = 0; attempt <= paddleRetries; attempt++) {
      const orientation = wholeDegrees(stream);
      const paddle = paddles.at(orientation);
      const { sin, cos } = direction((stream.below(360) * Math.PI) / 180);
      const start = {
        y: Math.round(first.y + seedDistance * sin),
        x: Math.round(first.x + seedDistance * cos),
      };
      const tip = this.firstTip(paddle, margin, start, orientation);
      if (!tip) continue;
      this.paint(paddle.line, start, contrast);
      return tip;
    }
    return undefined;
  }

  private firstTip(paddle: Paddle, margin: number, at: Pixel, orientation: number): Tip | undefined {
    const { paddleLength } = this.settings;
    const head = moved(at, orientation, paddleLength);
    const pivot = moved(head, opposite(orientation), paddleLength + margin);
    if (!this.isWithin(head) || !this.isWithin(pivot)) return undefined;
    return { pivot, orientation, last: paddle.area, at };
  }

  /** The pixels where a first paddle may start, as indices. The frame and what is outside of the image count as occupied. */
  private roomFor(kernel: readonly Pixel[], frame: number): number[] {
    const { size, seedOrientations } = this.settings;
    const room: number[] = [];
    const last = size - frame - 1;
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        let isFree = true;
        for (let i = 0; isFree && i < kernel.length; i++) {
          const [v, u] = [y + kernel[i].y, x + kernel[i].x];
          // As published, the part of a kernel that is outside of the image does not count.
          if (seedOrientations === 'published' && (v < 0 || v >= size || u < 0 || u >= size)) continue;
          isFree = v >= frame && v <= last && u >= frame && u <= last && !blocks(this.occupied[v * size + u]);
        }
        if (isFree) room.push(y * size + x);
      }
    }
    return room;
  }

  /** One paddle more; false if there is no way on. */
  private extend(stream: RandomStream, drawing: Drawing, tip: Tip, contrast: number): boolean {
    const { paddleLength, paddleRetries, size } = this.settings;
    const { margin, paddles, turns } = drawing;
    const pivot = moved(tip.pivot, tip.orientation, paddleLength + 2 * margin);
    const candidates = turns.weigh(pivot, tip.orientation, this.occupied, size);
    if (!candidates) return false;
    for (let attempt = 0; attempt <= paddleRetries; attempt++) {
      const chosen = candidates.draw(stream.float());
      const end = { y: pivot.y + chosen.y, x: pivot.x + chosen.x };
      const { line, area } = paddles.at(opposite(chosen.orientation));
      if (this.touches(area, end)) continue;
      this.paint(line, end, contrast);
      this.occupy(tip);
      tip.pivot = pivot;
      tip.orientation = chosen.orientation;
      tip.last = area;
      tip.at = end;
      return true;
    }
    return false;
  }

  /** Whether a paddle's area meets what is occupied: both nearly full, 1.8 of 2. */
  private touches({ radius, values }: Patch, at: Pixel): boolean {
    const { size } = this.settings;
    const side = 2 * radius + 1;
    for (let y = Math.max(0, at.y - radius); y <= Math.min(size - 1, at.y + radius); y++) {
      for (let x = Math.max(0, at.x - radius); x <= Math.min(size - 1, at.x + radius); x++) {
        const value = values[(y - at.y + radius) * side + x - at.x + radius];
        if (this.occupied[y * size + x] + value >= 1.8 * full) return true;
      }
    }
    return false;
  }

  private occupy({ last: { radius, values }, at }: Tip): void {
    const { size } = this.settings;
    const side = 2 * radius + 1;
    for (let y = Math.max(0, at.y - radius); y <= Math.min(size - 1, at.y + radius); y++) {
      for (let x = Math.max(0, at.x - radius); x <= Math.min(size - 1, at.x + radius); x++) {
        const value = values[(y - at.y + radius) * side + x - at.x + radius];
        if (value > this.occupied[y * size + x]) this.occupied[y * size + x] = value;
      }
    }
  }

  private paint({ radius, values }: Patch, at: Pixel, contrast: number): void {
    const { size } = this.settings;
    const side = 2 * radius + 1;
    for (let y = Math.max(0, at.y - radius); y <= Math.min(size - 1, at.y + radius); y++) {
      for (let x = Math.max(0, at.x - radius); x <= Math.min(size - 1, at.x + radius); x++) {
        const value = values[(y - at.y + radius) * side + x - at.x + radius];
        const brightness = Math.fround((value / full) * contrast);
        if (brightness > this.image[y * size + x]) this.image[y * size + x] = brightness;
      }
    }
  }

  private mark(at: Pixel): void {
    const index = at.y * this.settings.size + at.x;
    let marker = this.markers.get(index);
    if (!marker) {
      marker = drawMarker(this.settings, at);
      this.markers.set(index, marker);
    }
    for (let i = 0; i < marker.length; i++) this.image[i] = Math.max(this.image[i], marker[i] / full);
  }

  private isWithin({ y, x }: Pixel): boolean {
    return y >= 0 && x >= 0 && y < this.settings.size && x < this.settings.size;
  }
}

const blocks = (occupation: number): boolean => occupation > 0.3 * full;

const wholeDegrees = (stream: RandomStream): number => ((stream.below(360) - 180) * Math.PI) / 180;

const opposite = (orientation: number): number => orientation + (orientation < 0 ? Math.PI : -Math.PI);

/** A pixel `distance` away, rounded up in both directions as in the published code. */
function moved({ y, x }: Pixel, orientation: number, distance: number): Pixel {
  const { sin, cos } = direction(orientation);
  return { y: Math.ceil(y + distance * sin), x: Math.ceil(x + distance * cos) };
}

function pick<T>(stream: RandomStream, values: readonly T[]): T {
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
