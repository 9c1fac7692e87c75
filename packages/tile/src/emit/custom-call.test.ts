import { describe, expect, it } from 'vitest';
import { arange, customCall, input, kernel, output, programId, tileProgram } from '../index.js';

const axpy = kernel(
  'axpy',
  { x: input('float32'), y: input('float32'), z: output('float32') },
  ({ x, y, z }) => {
    const at = programId().mul(1024).add(arange(1024));
    z.store(at, x.load(at).add(y.load(at)));
  },
);
const shapes = { x: [4194304], y: [4194304], z: [4194304] };

describe('customCall', () => {
  it('gives the parts of a call that the CUDA plugin compiles', () => {
    const program = tileProgram(axpy, { grid: 4096, shapes });
    const { target, attributes, signature } = customCall(program);
    expect(target).toBe('__gpu$xla.gpu.triton');
    expect(signature).toBe('(tensor<4194304xf32>, tensor<4194304xf32>) -> tensor<4194304xf32>');
    expect(attributes).toContain('backend_config = ""');
    expect(attributes).toContain(
      'mhlo.backend_config = {name = "axpy", num_warps = 4 : i32, num_stages = 1 : i32, grid_x = 4096 : i32, ' +
        'grid_y = 1 : i32, grid_z = 1 : i32, debug = false, ir = "module {\\0A  tt.func public @axpy(',
    );
    expect(attributes).toContain(
      'operand_layouts = [dense<0> : tensor<1xindex>, dense<0> : tensor<1xindex>]',
    );
    expect(attributes).toContain('result_layouts = [dense<0> : tensor<1xindex>]');
    expect(attributes).not.toContain('\n');
    expect(attributes).not.toContain('output_operand_aliases');
  });

  it('holds the kernel, escaped', () => {
    const program = tileProgram(axpy, { grid: 4096, shapes });
    const escaped = /ir = "((?:[^"\\]|\\.)*)"/.exec(customCall(program).attributes)?.[1] ?? '';
    const text = escaped.replace(/\\([0-9A-F]{2})/g, (_, code) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
    expect(text).toBe(program.ir);
  });

  it('writes types and layouts of every rank, and several results', () => {
    const signature = customCall({
      ...tileProgram(axpy, { grid: 1, shapes }),
      operands: [
        { shape: [], dtype: 'int32' },
        { shape: [2, 3], dtype: 'bfloat16' },
      ],
      results: [
        { shape: [4, 5, 6], dtype: 'uint32' },
        { shape: [7], dtype: 'float16' },
      ],
    });
    expect(signature.signature).toBe(
      '(tensor<i32>, tensor<2x3xbf16>) -> (tensor<4x5x6xui32>, tensor<7xf16>)',
    );
    expect(signature.attributes).toContain(
      'operand_layouts = [dense<> : tensor<0xindex>, dense<[1, 0]> : tensor<2xindex>], ' +
        'result_layouts = [dense<[2, 1, 0]> : tensor<3xindex>, dense<0> : tensor<1xindex>]',
    );
  });

  it('says which results take the memory of operands', () => {
    const program = tileProgram(axpy, { grid: 4096, shapes, aliases: { z: 'y' } });
    expect(program.aliases).toEqual([{ result: 0, operand: 1 }]);
    expect(customCall(program).attributes).toContain(
      'output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [], operand_index = 1, operand_tuple_indices = []>]',
    );
    const two = customCall({
      ...program,
      results: [...program.results, ...program.results],
      aliases: [{ result: 1, operand: 0 }],
    });
    expect(two.attributes).toContain('output_tuple_indices = [1], operand_index = 0');
  });
});
