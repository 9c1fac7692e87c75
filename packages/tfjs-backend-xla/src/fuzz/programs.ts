import fc from 'fast-check';
import { generateProgram, type Limits } from './generate.js';
import type { Program } from './program.js';
import { simplerPrograms } from './shrink.js';

/** Batches of random programs. A failing one shrinks to a single program, and that to its smallest failing part. */
export function batches(size: number, limits: Limits): fc.Arbitrary<readonly Program[]> {
  return new Batches(size, limits);
}

class Batches extends fc.Arbitrary<readonly Program[]> {
  constructor(
    readonly size: number,
    readonly limits: Limits,
  ) {
    super();
  }

  override generate(random: fc.Random): fc.Value<readonly Program[]> {
    const programs = Array.from({ length: this.size }, () => generateProgram(random, this.limits));
    return new fc.Value(programs, undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is readonly Program[] {
    return Array.isArray(value);
  }

  override shrink(programs: readonly Program[]): fc.Stream<fc.Value<readonly Program[]>> {
    return fc.stream(this.#simpler(programs));
  }

  *#simpler(programs: readonly Program[]): IterableIterator<fc.Value<readonly Program[]>> {
    const simpler =
      programs.length > 1
        ? programs.map((program) => [program])
        : (function* () {
            for (const program of simplerPrograms(programs[0])) yield [program];
          })();
    for (const candidate of simpler) yield new fc.Value<readonly Program[]>(candidate, undefined);
  }
}
