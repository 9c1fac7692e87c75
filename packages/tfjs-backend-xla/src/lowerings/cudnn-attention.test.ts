import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import type { XlaBackend } from '../backend.js';
import { FunctionBuilder } from '../hlo/function-builder.js';
import { tensorType } from '../hlo/types.js';
import { fusedAttention, fusedAttentionGradient } from './cudnn-attention.js';

/** The operations of a text, with values named in the order in which they come. */
function inNames(lines: readonly string[]): string[] {
  const names = new Map<string, string>();
  return lines.map((line) =>
    line.replace(/%\w+/g, (name) => {
      if (!names.has(name)) names.set(name, `%v${names.size}`);
      return names.get(name) as string;
    }),
  );
}

/** What is written for q, k, v [B, N, H, p] and the output's gradient, and that as a program. */
function written(shape: number[], element: 'bf16' | 'f32'): { lines: string[]; program: string } {
  const type = tensorType(element, shape);
  const b = new FunctionBuilder([type, type, type, type]);
  const [q, k, v, dy] = b.parameters;
  const scale = 1 / Math.sqrt(shape[3]);
  const [output, statistics] = fusedAttention(b, { q, k, v }, scale);
  expect(output.type.text).toBe(tensorType('f32', shape).text);
  const gradients = fusedAttentionGradient(b, { q, k, v, statistics, dy, output }, scale);
  expect(gradients.map(({ type }) => type.text)).toEqual(new Array(3).fill(tensorType('f32', shape).text));
  const typed = b.parameters.map(({ name, type }) => `${name}: ${type.text}`).join(', ');
  const program =
    `module @attention {\n  func.func public @main(${typed}) -> ${output.type.text} {\n${b.lines.join('\n')}\n` +
    `    return ${output.name} : ${output.type.text}\n  }\n}`;
  return { lines: b.lines, program };
}

describe('attention by cuDNN', () => {
  const expected = readFileSync(new URL('../../fixtures/cudnn-attention.mlir', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('%'));
  const isAttention = (line: string): boolean => /custom_call|transpose/.test(line);
  // The statistics travel as int32 between the two calls.
  const direct = (lines: string[]): string[] => {
    const text = lines.join('\n');
    const [, back, bits] =
      /(%\w+) = stablehlo.bitcast_convert (%\w+) : \(tensor<[^>]*i32>\)/.exec(text) ?? [];
    const [, , statistics] = new RegExp(`(${bits}) = stablehlo.bitcast_convert (%\\w+#1) `).exec(text) ?? [];
    return text.replaceAll(`${back},`, `${statistics},`).split('\n');
  };

  it('is the text that the plugin is used to', () => {
    const lines = direct(written([32, 4096, 2, 32], 'bf16').lines).filter(isAttention);
    expect(inNames(lines)).toEqual(inNames(expected));
  });

  it('has the sizes of its operands, which it takes in bf16', () => {
    const { lines } = written([3, 50, 4, 16], 'f32');
    const narrowed = lines.filter(
      (line) => line.endsWith('-> tensor<3x50x4x16xbf16>') && line.includes('.convert'),
    );
    // Queries, keys and values for each call, and dy; the output is bf16 already.
    expect(narrowed.length).toBe(7);
    const [forward, backward] = lines.filter((line) => line.includes('custom_call'));
    for (const call of [forward, backward]) {
      expect(call).toContain('\\22fmha_scale\\22: 0.25,');
      expect(call).toContain('\\22dimensions\\22: [\\223\\22, \\224\\22, \\2250\\22, \\2250\\22]');
    }
    expect(forward).toMatch(/-> \(tensor<3x4x50x16xbf16>, tensor<3x4x50xf32>, tensor<0xui8>\)$/);
  });

  const client = tf.getBackend() === 'xla' ? (tf.backend() as XlaBackend).client : undefined;

  it.runIf(client?.platformName === 'cpu')('parses: a CPU lacks nothing but the calls', () => {
    expect(() => client?.compile(written([3, 50, 4, 16], 'f32').program)).toThrow(
      /custom call to __cudnn\$fmhaSoftmax/,
    );
    expect(tf.getKernel('FusedAttention', 'xla')).toBeUndefined();
  });
});
