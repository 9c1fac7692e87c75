import { tileProgram } from '../emit/tile-program.js';
import { arange, full, programId, zeros } from '../language/create.js';
import { dot } from '../language/dot.js';
import { input, type Kernel, kernel, output } from '../language/kernel.js';
import { loop } from '../language/loop.js';
import type { Tile } from '../language/tile.js';
import { where } from '../language/where.js';
import type { TileProgram } from '../program.js';
import { type DropoutDraw, keptOfRows, loadKey, rowDropout } from './dropout.js';
import { rowOffsets } from './matrix.js';
import {
  checkCounts,
  checkTileSize,
  checkTiling,
  eachRowTile,
  type RowTiling,
  rowGrid,
  tileSizeFor,
} from './row-tiles.js';
import { checkSettings } from './settings.js';

/** What the kernels of embeddings are made for. */
export interface EmbeddingConfig {
  /** B, samples. */
  readonly batch: number;
  /** N, tokens of a sample. */
  readonly length: number;
  /** V, rows of the table of tokens. */
  readonly vocabulary: number;
  /** d, features of a token: a power of two. */
  readonly width: number;
  /** Of dropout. Default 0. */
  readonly rate?: number;
  /** How dropout draws its mask. Default `elements`. */
  readonly draw?: DropoutDraw;
  /** How tokens are stored. Default bfloat16. */
  readonly dtype?: 'bfloat16' | 'float32';
}

/** How {@link embedding} is launched; default 32 rows and 4 tiles. */
export type EmbeddingTiling = Pick<RowTiling, 'rowsPerTile' | 'tilesPerProgram'>;

type FullConfig = Required<EmbeddingConfig>;

function checkEmbedding(caller: string, config: EmbeddingConfig): FullConfig {
  const { batch, length, vocabulary, width, rate = 0, draw = 'elements', dtype = 'bfloat16' } = config;
  checkCounts(caller, { batch, length, vocabulary });
  checkTileSize(caller, 'width', width);
  checkSettings(caller, { rate, draw, dtype });
  return { batch, length, vocabulary, width, rate, draw, dtype };
}

/**
 * h_bi = drop(tokens[id_bi] + positions_i). A number that is none of the table's rows reads 0, and adds nothing to the gradient.
 *
 * | array | type | shape |
 * |---|---|---|
 * | ids | int32 | [B, N] |
 * | tokens | float32 | [V, d] |
 * | positions | float32 | [N, d] |
 * | key | int32 | [2]: dropout's |
 * | h | `dtype` | [B, N, d] |
 */
export function embedding(config: EmbeddingConfig & EmbeddingTiling): Kernel<EmbeddingSignature> {
  const { length, vocabulary, width, rate, draw, dtype } = checkEmbedding('embedding', config);
  const tiling = embeddingTiling('embedding', config);
  return kernel('embedding', signature(dtype), ({ ids, tokens, positions, key, h }) => {
    const drop = rowDropout({ rate, draw }, rate === 0 ? undefined : loadKey(key, 0), width);
    eachRowTile(tiling, [], (tile) => {
      const mask = tile.inside;
      const token = ids.load(tile.rows, { mask: mask?.reshape([tile.rows.shape[0]]) });
      // Negative numbers are large ones then.
      const isRow = token.cast('uint32').less(vocabulary).expandDims(1);
      const place = tile.rows.sub(programId(1).mul(length));
      const value = tokens.load(rowOffsets(token, width), { mask: isRow });
      const sum = value.add(positions.load(rowOffsets(place, width), { mask }));
      tile.store(h, drop(tile)(sum));
      return [];
    });
  });
}

function signature(dtype: 'bfloat16' | 'float32') {
  return {
    ids: input('int32'),
    tokens: input('float32'),
    positions: input('float32'),
    key: input('int32'),
    h: output(dtype),
  };
}

/** The arrays of {@link embedding}. */
export type EmbeddingSignature = ReturnType<typeof signature>;

function embeddingTiling(
  caller: string,
  { batch, length, rowsPerTile = 32, tilesPerProgram = 4 }: EmbeddingConfig & EmbeddingTiling,
): Required<RowTiling> {
  return checkTiling(caller, { rows: length, samples: batch, rowsPerTile, tilesPerProgram });
}

/** {@link embedding} with its launch. */
export function embeddingProgram(config: EmbeddingConfig & EmbeddingTiling): TileProgram {
  const { batch, length, vocabulary, width } = checkEmbedding('embeddingProgram', config);
  const shapes = {
    ids: [batch, length],
    tokens: [vocabulary, width],
    positions: [length, width],
    key: [2],
    h: [batch, length, width],
  };
  const grid = rowGrid(embeddingTiling('embeddingProgram', config));
  return tileProgram(embedding(config), { grid, shapes });
}

/** How {@link embeddingGradient} is launched: each program takes some tiles of positions, of some samples. */
export interface EmbeddingGradientTiling {
  /** Positions that one step works on: a power of two, 16 or more. Default 64, less of more than 64 features. */
  readonly rowsPerTile?: number;
  /** Tiles of positions of one program. Default: what makes 32 steps of a program. */
  readonly tilesPerProgram?: number;
  /** Samples of one program. Default 32, or all. */
  readonly samplesPerProgram?: number;
  /**
   * Rows of the table of one program: a power of two, 16 or more. Default 128 in bfloat16, 256 in float32, less of more than 64
   * features, or all.
   */
  readonly vocabularyPerProgram?: number;
}

function checkGradientTiling(
  caller: string,
  config: EmbeddingConfig & EmbeddingGradientTiling,
): Required<EmbeddingGradientTiling> {
  const { batch, vocabulary, width, dtype = 'bfloat16' } = config;
  // What fits the registers: a tile of 64 features, or as many elements of others.
  const rowsOf = (rows: number): number => Math.max(16, Math.min(rows, (rows * 64) / width));
  const { rowsPerTile = rowsOf(64) } = config;
  const { samplesPerProgram = Math.min(batch, 32) } = config;
  const { tilesPerProgram = Math.ceil(32 / samplesPerProgram) } = config;
  const most = rowsOf(dtype === 'bfloat16' ? 128 : 256);
  const { vocabularyPerProgram = Math.min(most, tileSizeFor(vocabulary)) } = config;
  checkCounts(caller, { samplesPerProgram, tilesPerProgram });
  checkTileSize(caller, 'rowsPerTile', rowsPerTile);
  checkTileSize(caller, 'vocabularyPerProgram', vocabularyPerProgram);
  return { rowsPerTile, samplesPerProgram, tilesPerProgram, vocabularyPerProgram };
}

/**
 * The gradient of {@link embedding}. Each row of the table gets its sum by products with ones and zeros, which are exact: no atomic
 * additions, so that the result is the same in each run, and is there as soon for texts of padding as for texts of letters. A
 * number that is not finite makes those of other rows NaN, too.
 *
 * | array | type | shape |
 * |---|---|---|
 * | dh | `dtype` | [B, N, d] |
 * | ids, key | | as in `embedding` |
 * | dTokens | float32 | [programs, V, d]: each program's part of the table's gradient |
 * | dPositions | float32 | [groups, N, d]: the part of each group of samples |
 */
export function embeddingGradient(
  config: EmbeddingConfig & EmbeddingGradientTiling,
): Kernel<EmbeddingGradientSignature> {
  const of = checkEmbedding('embeddingGradient', config);
  const tiling = checkGradientTiling('embeddingGradient', config);
  const { batch, length, vocabulary, width, rate, draw, dtype } = of;
  const { rowsPerTile, samplesPerProgram, tilesPerProgram, vocabularyPerProgram } = tiling;
  return kernel('embedding_gradient', gradientSignature(dtype), (arrays) => {
    const { dh, ids, key, dTokens, dPositions } = arrays;
    const kept = keptOfRows({ rate, draw }, rate === 0 ? undefined : loadKey(key, 0), width);
    const scale = 1 / (1 - rate);
    const group = programId(1);
    const row = programId(2).mul(vocabularyPerProgram).add(arange(vocabularyPerProgram)).expandDims(1);
    const cut = length % (rowsPerTile * tilesPerProgram) !== 0;
    const [yes, no] = [full([1, 1], 1, 'bfloat16'), full([1, 1], 0, 'bfloat16')];

    const table = loop(tilesPerProgram, zeros([vocabularyPerProgram, width]), (tile, table) => {
      const first = programId(0).mul(tilesPerProgram).add(tile).mul(rowsPerTile);
      const place = first.add(arange(rowsPerTile));
      const inside = cut ? place.less(length) : undefined;
      const none = zeros([rowsPerTile, width]);
      const sums = loop(samplesPerProgram, { table, positions: none }, (i, { table, positions }) => {
        const sample = group.mul(samplesPerProgram).add(i);
        const rows = sample.mul(length).add(place);
        const exists = batch % samplesPerProgram === 0 ? inside : both(inside, sample.less(batch), place);
        const mask = exists?.expandDims(1);
        const token = ids.load(rows, { mask: exists }).expandDims(0); // [1, rows]
        const isRow = where(row.equal(token), yes, no); // [vocabulary, rows]
        const offsets = rowOffsets(rows, width);
        const given = dh.load(offsets, { mask }).cast('float32');
        const dropped = kept({ rows, offsets: () => offsets });
        const d = dropped === undefined ? given : where(dropped, given, 0);
        return {
          table: addExactly(table, isRow, d, dtype),
          positions: positions.add(d),
        };
      });
      // All programs of a tile have the same.
      const isWriter = programId(2).equal(0);
      const at = rowOffsets(group.mul(length).add(place), width);
      const mask = inside === undefined ? isWriter : inside.and(isWriter).expandDims(1);
      dPositions.store(at, sums.positions.mul(scale), { mask });
      return sums.table;
    });
    const tiles = Math.ceil(length / (rowsPerTile * tilesPerProgram));
    const start = group.mul(tiles).add(programId(0)).mul(vocabulary);
    const whole = vocabulary % vocabularyPerProgram === 0;
    const mask = whole ? undefined : row.less(vocabulary);
    dTokens.store(start.add(row).mul(width).add(arange(width).expandDims(0)), table.mul(scale), { mask });
  });
}

/** Whether both hold, as far as they may not. @param like of the result's shape */
function both(one: Tile | undefined, other: Tile, like: Tile): Tile {
  return one === undefined ? like.greaterEqual(0).and(other) : one.and(other);
}

/** accumulator + isRow values, whose products are exact: float32 as the sum of three numbers of 8 bits each. */
function addExactly(accumulator: Tile, isRow: Tile, values: Tile, dtype: 'bfloat16' | 'float32'): Tile {
  const high = values.cast('bfloat16');
  const sum = dot(isRow, high, { accumulator });
  if (dtype === 'bfloat16') return sum;
  const rest = values.sub(high.cast('float32'));
  const middle = rest.cast('bfloat16');
  const low = rest.sub(middle.cast('float32')).cast('bfloat16');
  return dot(isRow, low, { accumulator: dot(isRow, middle, { accumulator: sum }) });
}

function gradientSignature(dtype: 'bfloat16' | 'float32') {
  return {
    dh: input(dtype),
    ids: input('int32'),
    key: input('int32'),
    dTokens: output('float32'),
    dPositions: output('float32'),
  };
}

/** The arrays of {@link embeddingGradient}. */
export type EmbeddingGradientSignature = ReturnType<typeof gradientSignature>;

/**
 * {@link embeddingGradient} with its launch: at the sizes of the paper, and an H200, the default is the fastest of some twenty. Of
 * 1,024 features and more in float32, some of it does not fit the registers.
 */
export function embeddingGradientProgram(config: EmbeddingConfig & EmbeddingGradientTiling): TileProgram {
  const { batch, length, vocabulary, width } = checkEmbedding('embeddingGradientProgram', config);
  const tiling = checkGradientTiling('embeddingGradientProgram', config);
  const tiles = Math.ceil(length / (tiling.rowsPerTile * tiling.tilesPerProgram));
  const groups = Math.ceil(batch / tiling.samplesPerProgram);
  return tileProgram(embeddingGradient(config), {
    grid: [tiles, groups, Math.ceil(vocabulary / tiling.vocabularyPerProgram)],
    shapes: {
      dh: [batch, length, width],
      ids: [batch, length],
      key: [2],
      dTokens: [tiles * groups, vocabulary, width],
      dPositions: [groups, length, width],
    },
    // The registers for the sums; beyond 256 features, whose tiles of 16 positions cannot be smaller, for those, too.
    numWarps: tiling.vocabularyPerProgram > 128 || width > 256 ? 8 : 4,
  });
}
