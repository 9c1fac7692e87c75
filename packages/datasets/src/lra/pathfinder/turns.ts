import { direction, type Pixel } from './paddles.js';

/** Where a paddle may end, relative to its pivot. */
export interface Turn extends Pixel {
  /** Of the paddle, from the pivot to the end. */
  orientation: number;
}

/** Turns with their probabilities, valid until the next are weighed. */
export interface WeighedTurns {
  /** The turn that belongs to a number from [0, 1). */
  draw(uniform: number): Turn;
}

/** The ways on from a pivot: all pixels on a circle around it. */
export class Turns {
  private readonly turns: Turn[] = [];
  private readonly disc: Pixel[] = [];
  private readonly weights = new Map<number, Float64Array>();
  private readonly cumulated: Float64Array;
  private readonly weighed: WeighedTurns;

  /**
   * @param radius of the circle
   * @param margin in whose radius what is occupied counts
   * @param continuity of contours: the greater, the straighter
   */
  constructor(
    radius: number,
    margin: number,
    private readonly continuity: number,
  ) {
    // Steps of one pixel along the circle.
    for (let step = 0; step < Math.ceil(2 * Math.PI * radius); step++) {
      const { sin, cos } = direction(step / radius);
      const [y, x] = [Math.floor(radius * sin), Math.floor(radius * cos)];
      if (this.turns.some((turn) => turn.y === y && turn.x === x)) continue;
      this.turns.push({ y, x, orientation: Math.atan2(y, x) });
    }
    for (let y = -margin; y <= margin; y++) {
      for (let x = -margin; x <= margin; x++) {
        if (y * y + x * x <= margin * margin) this.disc.push({ y, x });
      }
    }
    this.cumulated = new Float64Array(this.turns.length);
    this.weighed = {
      draw: (uniform) => {
        const { cumulated, turns } = this;
        const threshold = uniform * cumulated[turns.length - 1];
        let chosen = 0;
        while (chosen < turns.length - 1 && cumulated[chosen] <= threshold) chosen++;
        return turns[chosen];
      },
    };
  }

  /** The turns that lie in the image, with their probabilities; undefined if there is none. */
  weigh(pivot: Pixel, orientation: number, occupied: Uint8Array, size: number): WeighedTurns | undefined {
    const weights = this.weightsFrom(orientation);
    let total = 0;
    for (let i = 0; i < weights.length; i++) {
      const [y, x] = [pivot.y + this.turns[i].y, pivot.x + this.turns[i].x];
      if (y >= 0 && x >= 0 && y < size && x < size && weights[i] > 0) {
        total += weights[i] * (1 - this.occupation(y, x, occupied, size) / 255);
      }
      this.cumulated[i] = total;
    }
    return total < 1e-4 ? undefined : this.weighed;
  }

  private weightsFrom(orientation: number): Float64Array {
    let weights = this.weights.get(orientation);
    if (!weights) {
      weights = Float64Array.from(this.turns, (turn) => {
        const difference = Math.abs(turn.orientation - orientation);
        const angle = Math.min(difference, 2 * Math.PI - difference);
        return Math.max(0, direction(Math.min(angle * this.continuity, Math.PI / 2)).cos) ** 2;
      });
      this.weights.set(orientation, weights);
    }
    return weights;
  }

  /** The highest occupation within the margin of a pixel. */
  private occupation(y: number, x: number, occupied: Uint8Array, size: number): number {
    let highest = 0;
    for (const offset of this.disc) {
      const [v, u] = [y + offset.y, x + offset.x];
      if (v < 0 || u < 0 || v >= size || u >= size) continue;
      if (occupied[v * size + u] > highest) highest = occupied[v * size + u];
    }
    return highest;
  }
}
