import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig, readConfig } from './config.js';
import { experimentFolder, runIds } from './summary.js';

const valid = readConfig(join(experimentFolder, 'japanese-vowels-primal', 'config.json'));

describe('config', () => {
  it('of every run is valid, and has the settings of the paper', () => {
    expect(runIds().length).toBeGreaterThanOrEqual(3);
    for (const id of runIds()) readConfig(join(experimentFolder, id, 'config.json'));
    expect(valid).toMatchObject({
      primal: { rank: 40, rankMultiplier: 5, eta: 0.5 },
      batchSize: 16,
      epochs: 100,
      seed: 666,
    });
  });

  it('with a mistyped, missing or senseless setting is an error that names it', () => {
    const { seed: _, ...withoutSeed } = valid;
    expect(() => parseConfig({ ...valid, learningrate: 1 }, 'x')).toThrow(/learningrate/);
    expect(() => parseConfig(withoutSeed, 'x')).toThrow(/seed/);
    expect(() => parseConfig({ ...valid, dataset: 'JapaneseVowel' }, 'x')).toThrow(/dataset/);
    expect(() => parseConfig({ ...valid, model: 'Trans.' }, 'x')).toThrow(/no primal settings/);
    expect(() => parseConfig({ ...valid, primal: undefined }, 'x')).toThrow(/needs primal settings/);
    expect(() => parseConfig({ ...valid, dropout: 1 }, 'x')).toThrow(/dropout/);
    expect(parseConfig({ ...valid, precision: 'float32' }, 'x').precision).toBe('float32');
    expect(() => parseConfig({ ...valid, precision: 'bf16' }, 'x')).toThrow(/precision/);
    expect(() => parseConfig({ ...valid, kernels: true, dropoutDraw: 'products' }, 'x')).toThrow(
      /^(?![\s\S]*dropoutDraw)[\s\S]*this classifier has no GPU kernels of our own: leave --kernels out/,
    );
    expect(() => parseConfig({ ...valid, dropoutDraw: 'products' }, 'x')).toThrow(/dropoutDraw/);
    expect(() => readConfig(join(experimentFolder, 'nowhere.json'))).toThrow(/nowhere\.json/);
  });

  it('stands in a folder of its own with a package of its own', () => {
    for (const id of runIds()) expect(readdirSync(join(experimentFolder, id))).toContain('package.json');
  });
});
