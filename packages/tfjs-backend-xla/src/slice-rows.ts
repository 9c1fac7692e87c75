import { slice_util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { XlaBackend } from './backend.js';
import { DataValue } from './graph/values.js';
import { tensorType } from './hlo/types.js';
import { sliceKnownRows } from './known-integers.js';
import type { Attributes } from './lowerings/table.js';

/**
 * A slice of whole rows, outside a trace: where it begins is an input of the program, as all numbers are that change
 * from batch to batch. As a constant it would make another program of each batch that `LayersModel.fit` cuts out.
 * All rows are a view.
 *
 * @returns undefined for every other slice
 */
export function sliceRows(backend: XlaBackend, x: TensorInfo, attrs: Attributes): TensorInfo | undefined {
  if (backend.tracing || x.shape.length === 0 || x.dtype === 'string') return undefined;
  const shaped = { shape: x.shape, rank: x.shape.length } as unknown as Parameters<
    typeof slice_util.parseSliceParams
  >[0];
  const [begin, size] = slice_util.parseSliceParams(shaped, attrs.begin as number[], attrs.size as number[]);
  if (size.some((n, i) => i > 0 && n !== x.shape[i])) return undefined;
  slice_util.assertParamsValid(shaped, begin, size);
  if (size[0] === x.shape[0]) return backend.view(x, x.shape);
  const known = sliceKnownRows(backend, x, begin[0], size[0]);
  if (known !== undefined) return known;
  backend.makeRoom();
  const operand = backend.operand(x);
  const start = new DataValue(tensorType('i32', []));
  start.host = Int32Array.of(begin[0]);
  const results = backend.record(
    `SliceRows|${size[0]}|${operand.type.text}`,
    'SliceRows',
    [operand, start],
    (b) => {
      const [rows, from] = b.parameters;
      const zero = b.constant(0, 'i32');
      const starts = rows.type.shape.map((_, i) => (i === 0 ? from : zero));
      const type = tensorType(rows.type.element, size);
      return b.emit(
        `stablehlo.dynamic_slice ${rows.name}, ${starts.map(({ name }) => name).join(', ')}, sizes = [${size.join(', ')}] : ` +
          `(${rows.type.text}, ${starts.map((s) => s.type.text).join(', ')}) -> ${type.text}`,
        type,
      );
    },
  );
  return backend.tensorInfo(results[0]);
}
