import { resize } from '../../images/resize.js';
import type { PathfinderSettings } from './settings.js';

/** A place in an image. */
export interface Pixel {
  y: number;
  x: number;
}

/** A square piece of an image, `radius` pixels from its centre to every side. */
export interface Patch {
  readonly radius: number;
  /** Rows of 2 radius + 1 values, 0 to 255. */
  readonly values: Uint8Array;
}

/** A paddle that starts in the centre of its patches. */
export interface Paddle {
  /** What is seen. */
  readonly line: Patch;
  /** What it occupies: itself and `margin` around it. */
  readonly area: Patch;
  /**
   * Where the area is full, relative to the start: what is looked at when a place for a first paddle is sought. As in the
   * published code the window that is looked at has its middle one pixel before the start, and what reaches out of it is not
   * looked at.
   */
  readonly kernel: readonly Pixel[];
}

/**
 * The sine and cosine, to 2⁻⁴⁰. Engines differ in the last bits of their sines; coordinates are rounded up, where the last bit of
 * 3.0000000000000004 would decide.
 */
export function direction(angle: number): { sin: number; cos: number } {
  return {
    sin: Math.round(Math.sin(angle) * 2 ** 40) / 2 ** 40,
    cos: Math.round(Math.cos(angle) * 2 ** 40) / 2 ** 40,
  };
}

/** Draws the paddles of one margin, each orientation once. */
export class Paddles {
  private readonly drawn = new Map<number, Paddle>();

  constructor(
    private readonly settings: PathfinderSettings,
    private readonly margin: number,
  ) {}

  at(orientation: number): Paddle {
    let paddle = this.drawn.get(orientation);
    if (!paddle) {
      paddle = this.draw(orientation);
      this.drawn.set(orientation, paddle);
    }
    return paddle;
  }

  private draw(orientation: number): Paddle {
    const { antialias, paddleLength, paddleThickness } = this.settings;
    const radius = paddleLength + Math.ceil(paddleThickness) + this.margin;
    const center = radius * antialias;
    const side = 2 * center + 1;
    const { sin, cos } = direction(orientation);
    const length = paddleLength * antialias;
    const fine = new Uint8Array(side * side);
    const end = { y: Math.ceil(center + length * sin), x: Math.ceil(center + length * cos) };
    const thickness = Math.round(paddleThickness * antialias);
    const from = { y: center, x: center };
    if (thickness <= 1) drawThinLine(fine, side, from, end);
    else drawThickLine(fine, side, from, end, thickness);
    const occupied = dilate(fine, side, this.margin * antialias);
    const area = shrink(occupied, side, radius);
    return { line: shrink(fine, side, radius), area, kernel: this.kernel(area) };
  }

  private kernel({ radius, values }: Patch): Pixel[] {
    const half = this.settings.paddleLength + this.margin;
    const side = 2 * radius + 1;
    const offsets: Pixel[] = [];
    for (let y = -half; y <= half; y++) {
      for (let x = -half; x <= half; x++) {
        const [row, column] = [y - 1 + radius, x - 1 + radius];
        const isInside = row >= 0 && column >= 0 && row < side && column < side;
        if (isInside && values[row * side + column] === 255) offsets.push({ y, x });
      }
    }
    return offsets;
  }
}

function shrink(data: Uint8Array, side: number, radius: number): Patch {
  const small = 2 * radius + 1;
  const image = { data, height: side, width: side, channels: 1 };
  return { radius, values: resize(image, small, small, 'lanczos').data };
}

/** One pixel wide, both ends included: for every step along the longer side the nearest pixel, ties to the end's side (Bresenham). */
function drawThinLine(image: Uint8Array, side: number, from: Pixel, to: Pixel): void {
  const [dy, dx] = [to.y - from.y, to.x - from.x];
  const steps = Math.max(Math.abs(dy), Math.abs(dx));
  for (let step = 0; step <= steps; step++) {
    const along = (distance: number): number =>
      steps === 0
        ? 0
        : Math.sign(distance) * Math.floor((2 * step * Math.abs(distance) + steps) / (2 * steps));
    const [y, x] = [from.y + along(dy), from.x + along(dx)];
    if (y >= 0 && y < side && x >= 0 && x < side) image[y * side + x] = 255;
  }
}

/** All pixels within half the thickness of the line. */
function drawThickLine(image: Uint8Array, side: number, from: Pixel, to: Pixel, thickness: number): void {
  const [dy, dx] = [to.y - from.y, to.x - from.x];
  const squared = dy * dy + dx * dx;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const along = (y - from.y) * dy + (x - from.x) * dx;
      const across = Math.abs((y - from.y) * dx - (x - from.x) * dy);
      if (along >= 0 && along <= squared && across <= (thickness / 2) * Math.sqrt(squared)) {
        image[y * side + x] = 255;
      }
    }
  }
}

/** Every pixel spreads over a disc. */
function dilate(image: Uint8Array, side: number, radius: number): Uint8Array {
  const out = new Uint8Array(image.length);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (image[y * side + x] === 0) continue;
      for (let v = Math.max(0, y - radius); v <= Math.min(side - 1, y + radius); v++) {
        for (let u = Math.max(0, x - radius); u <= Math.min(side - 1, x + radius); u++) {
          if ((v - y) ** 2 + (u - x) ** 2 <= radius * radius) out[v * side + u] = 255;
        }
      }
    }
  }
  return out;
}

/** A marker: a disc around a pixel, as a whole image of 0 to 255. */
export function drawMarker({ size, antialias, markerRadius }: PathfinderSettings, center: Pixel): Uint8Array {
  const side = size * antialias;
  const data = new Uint8Array(side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const distance = (y - center.y * antialias) ** 2 + (x - center.x * antialias) ** 2;
      if (distance <= (markerRadius * antialias) ** 2) data[y * side + x] = 255;
    }
  }
  return resize({ data, height: side, width: side, channels: 1 }, size, size, 'lanczos').data;
}
