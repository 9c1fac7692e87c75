import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { tensorType } from '../hlo/types.js';
import { allowComplex, lower } from './table.js';

/** a + ib of two float arrays of one shape. */
function complex(b: FunctionBuilder, real: Value, imag: Value): Value {
  const type = tensorType('complex<f32>', real.type.shape);
  return b.emit(`stablehlo.complex ${real.name}, ${imag.name} : ${type.text}`, type);
}

function part(b: FunctionBuilder, name: 'real' | 'imag', x: Value): Value {
  const type = tensorType('f32', x.type.shape);
  return b.emit(`stablehlo.${name} ${x.name} : (${x.type.text}) -> ${type.text}`, type);
}

export function realPart(b: FunctionBuilder, x: Value): Value {
  return part(b, 'real', x);
}

/** A real array as a complex one; a complex one as it is. */
export function toComplex(b: FunctionBuilder, x: Value): Value {
  if (x.type.element === 'complex<f32>') return x;
  const real = b.convert(x, 'f32');
  return complex(b, real, b.constant(0, 'f32', real.type.shape));
}

lower('Complex', (b, { real, imag }) => complex(b, b.convert(real, 'f32'), b.convert(imag, 'f32')));
lower('Real', (b, { input }) =>
  input.type.element === 'complex<f32>' ? realPart(b, input) : b.convert(input, 'f32'),
);
lower('Imag', (b, { input }) =>
  input.type.element === 'complex<f32>' ? part(b, 'imag', input) : b.constant(0, 'f32', input.type.shape),
);

lower('ComplexAbs', (b, { x }) => {
  const type = tensorType('f32', x.type.shape);
  return b.emit(`stablehlo.abs ${x.name} : (${x.type.text}) -> ${type.text}`, type);
});

/** The discrete Fourier transform over the last dimension; the inverse one divides by its length. */
for (const kind of ['FFT', 'IFFT']) {
  lower(kind, (b, { input }) => {
    const length = input.type.shape.at(-1)!;
    return b.emit(
      `stablehlo.fft ${input.name}, type = ${kind}, length = [${length}] : (${input.type.text}) -> ${input.type.text}`,
      input.type,
    );
  });
}

allowComplex(
  ...['Complex', 'Real', 'Imag', 'ComplexAbs', 'FFT', 'IFFT', 'Cast'],
  ...[
    'Add',
    'AddN',
    'Sub',
    'Multiply',
    'RealDiv',
    'Neg',
    'Square',
    'Reciprocal',
    'Equal',
    'NotEqual',
    'Select',
  ],
  ...['Sum', 'Prod', 'BatchMatMul', 'Einsum', 'ZerosLike', 'OnesLike', 'Fill'],
  ...['Concat', 'Pack', 'Unpack', 'SplitV', 'Slice', 'StridedSlice', 'PadV2', 'Reverse', 'Tile', 'Transpose'],
  ...['BroadcastTo', 'GatherV2', 'GatherNd', 'ScatterNd', 'TensorScatterUpdate', 'UnsortedSegmentSum'],
);
