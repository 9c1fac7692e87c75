import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceName } from '@primal-attention/experiment';
import { hasTileKernels } from '@primal-attention/runtime';
import { type ProgressSink, silentProgress } from '@primal-attention/training';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KernelNotes, kernelRefusal } from './kernels.js';

const state = {
  ...{ step: 3, totalSteps: 9, epoch: 1, totalEpochs: 1 },
  ...{ loss: 0.5, stepsPerSecond: 1, etaSeconds: 6 },
};
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lra-kernels-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** What a session of a run notes whose steps have so many kernels. */
function notesOf(calls: number): { notes: KernelNotes; shown: number[]; progress: ProgressSink } {
  const notes = new KernelNotes(folder, { calls, launchesTried: 0, tuningMs: 0 });
  const shown: number[] = [];
  const progress = notes.beside({ ...silentProgress(), update: ({ step }) => void shown.push(step) });
  return { notes, shown, progress };
}

describe('a run with kernels', () => {
  it('keeps what the steps of its sessions had, and shows how it goes on', () => {
    const { notes, shown, progress } = notesOf(6);
    expect(() => notes.sessions()).toThrow(/kernels\.json, which says by which kernels, is missing/);
    progress.update(state);
    progress.update({ ...state, step: 4 });
    expect(shown).toEqual([3, 4]);
    const session = { device: deviceName(), calls: 6, launches: {}, chosen: {} };
    expect(notes.sessions()).toEqual([session]);
    // The same again, and other ones, such as on another card.
    notesOf(6).progress.update(state);
    notesOf(8).progress.update(state);
    expect(notes.sessions()).toEqual([session, { ...session, calls: 8 }]);
    expect(readdirSync(folder)).toEqual(['kernels.json']);
    expect(JSON.parse(readFileSync(join(folder, 'kernels.json'), 'utf8'))).toHaveLength(2);
  });

  it('knows more launches of the same session, and keeps what it knew', () => {
    const known = {
      device: deviceName(),
      calls: 6,
      launches: { 'primal of rate 0': '64 tokens x 8, 4 warps' },
      chosen: { 'primal of rate 0': 'by measurement of 3 of 6' },
    };
    writeFileSync(join(folder, 'kernels.json'), JSON.stringify([{ ...known, device: 'another' }, known]));
    const { notes, progress } = notesOf(6);
    progress.update(state);
    expect(notes.sessions()).toEqual([{ ...known, device: 'another' }, known]);
  });

  it('ends when its first steps had none', () => {
    const { progress, shown } = notesOf(0);
    expect(() => progress.update(state)).toThrow(
      /asks for GPU kernels, and its training step was compiled without any: .+\. Leave --kernels out/,
    );
    expect(shown).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is refused where none run, and says why', () => {
    const refusal = kernelRefusal({ kernels: true });
    if (hasTileKernels()) expect(refusal).toBeUndefined();
    else expect(refusal).toMatch(/asks for GPU kernels, and none run here: .*they need .*an NVIDIA GPU/);
    expect(kernelRefusal({})).toBeUndefined();
  });
});
