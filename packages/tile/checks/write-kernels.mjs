// Writes the text of every kernel, at the size of the Long Range Arena's text model, to a folder: `node write-kernels.mjs DIR`; and
// of embeddings of 512 features, whose gradient takes most registers.
// compile.py compiles such a folder without a GPU.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  adamwProgram,
  embeddingGradientProgram,
  embeddingProgram,
  feedForwardGradientLayout,
  feedForwardGradientProgram,
  feedForwardProgram,
  normSumsGradientProgram,
  normSumsProgram,
  primalGradientProgram,
  primalProgram,
  primalWeightGradientProgram,
  softmaxAttentionProgram,
  softmaxKeyGradientProgram,
  softmaxQueryGradientProgram,
  sumRowsProgram,
} from '@primal-attention/tile';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('write-kernels: name a folder to write to');
mkdirSync(folder, { recursive: true });

const [batch, length, width] = [32, 4096, 64];
const feedForward = { rows: batch * length, width, hidden: 128, rate: 0.1 };
const primal = { batch, length, width, heads: 2, rank: 20, rate: 0.1, maskOutput: true };
const tokens = { batch, length, width };
const embedding = { ...tokens, vocabulary: 512, rate: 0.1 };
const softmax = { batch, length, heads: 2, headSize: width / 2, rate: 0.1, maskKeys: true };
const hidden = feedForward.hidden;
const norm = [[width], [width]];
const dense = (from, to) => [[from, to], [to]];
const { heads, rank } = primal;
const layer = [
  ...norm,
  ...dense(width, width),
  ...dense(width, width),
  ...[
    [heads, 10 * rank, rank],
    [heads, 10 * rank, rank],
    [heads, rank],
  ],
  ...dense(heads * rank, width / heads),
  ...dense(width, width),
  ...norm,
  ...dense(width, hidden),
  ...dense(hidden, width),
];
const weights = [
  [embedding.vocabulary, width],
  [length, width],
  ...layer,
  ...layer,
  ...norm,
  ...dense(width, hidden),
  ...dense(hidden, 2),
];

/** @param {import('@primal-attention/tile').TileProgram} program */
const write = ({ name, ir, numWarps, numStages }, dtype) =>
  writeFileSync(join(folder, `${name}.${dtype}.warps${numWarps}.stages${numStages}.ttir`), ir);

write(adamwProgram({ shapes: weights }), 'float32');
write(sumRowsProgram({ rows: 128, layout: feedForwardGradientLayout(feedForward) }), 'float32');
for (const dtype of ['bfloat16', 'float32']) {
  const programs = [
    embeddingProgram({ ...embedding, dtype }),
    embeddingGradientProgram({ ...embedding, dtype }),
    feedForwardProgram({ ...feedForward, dtype }),
    feedForwardGradientProgram({ ...feedForward, dtype }),
    primalProgram({ ...primal, dtype }),
    primalGradientProgram({ ...primal, landmarks: 10 * primal.rank, dtype }),
    primalWeightGradientProgram({ ...primal, dtype }),
    normSumsProgram({ ...tokens, dtype }),
    normSumsGradientProgram({ ...tokens, dtype }),
    softmaxAttentionProgram({ ...softmax, dtype }),
    softmaxQueryGradientProgram({ ...softmax, dtype }),
    softmaxKeyGradientProgram({ ...softmax, dtype }),
  ];
  for (const program of programs) write(program, dtype);
  write(embeddingGradientProgram({ ...embedding, vocabulary: 1000, width: 512, dtype }), `${dtype}.d512`);
}
