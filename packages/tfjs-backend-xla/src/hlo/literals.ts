import type { ElementType } from '@primal-attention/pjrt';

const scratch = new DataView(new ArrayBuffer(8));

/** The bits of a float as hexadecimal: the parser takes no NaN and no infinity by name. */
function floatBits(value: number, element: 'f32' | 'f64'): string {
  const hex = (word: number): string => word.toString(16).toUpperCase().padStart(8, '0');
  if (element === 'f32') {
    scratch.setFloat32(0, value);
    return `0x${hex(scratch.getUint32(0))}`;
  }
  scratch.setFloat64(0, value);
  return `0x${hex(scratch.getUint32(0))}${hex(scratch.getUint32(4))}`;
}

/** A number as StableHLO writes it in a `dense<…>` literal. Floats are rounded to float32, except for f64. */
export function literal(value: number | boolean, element: ElementType): string {
  switch (element) {
    case 'i1':
      return value ? 'true' : 'false';
    case 'bf16':
    case 'f32':
    case 'f64': {
      const number = element === 'f64' ? Number(value) : Math.fround(Number(value));
      // bf16 is the upper half of f32; finite numbers are rounded by the parser.
      if (!Number.isFinite(number)) {
        return element === 'bf16' ? floatBits(number, 'f32').slice(0, 6) : floatBits(number, element);
      }
      if (Object.is(number, -0)) return '-0.0';
      const text = number.toString();
      if (!text.includes('e')) return text.includes('.') ? text : `${text}.0`;
      const [mantissa, exponent] = text.split('e');
      return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}e${exponent}`;
    }
    case 'complex<f32>':
      return `(${literal(value, 'f32')}, 0.0)`;
    case 'i32':
      // What does not fit, such as an infinite limit for clipping, becomes the nearest number that does.
      return integer(Math.min(Math.max(Number(value), -(2 ** 31)), 2 ** 31 - 1));
    case 'ui32':
    case 'i64':
      return integer(Number(value));
    default:
      throw new Error(`no literal form for the element type ${element}`);
  }
}

function integer(number: number): string {
  return Number.isNaN(number) ? '0' : Math.trunc(number).toString();
}

/** A `dense<…>` literal of a flat list; one value when all are equal. */
export function denseLiteral(values: ArrayLike<number | boolean>, element: ElementType): string {
  const first = values[0];
  let splat = values.length > 0;
  for (let i = 1; i < values.length && splat; i++) splat = Object.is(values[i], first);
  if (splat) return literal(first, element);
  const parts = new Array<string>(values.length);
  for (let i = 0; i < values.length; i++) parts[i] = literal(values[i], element);
  return `[${parts.join(', ')}]`;
}

/** A text as MLIR writes a string: quotes, backslashes and what does not print as hexadecimal bytes of UTF-8. */
export function stringLiteral(text: string): string {
  const escaped = (part: string): string =>
    [...Buffer.from(part, 'utf8')]
      .map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join('');
  return `"${text.replaceAll(/[^ !#-[\]-~]+/g, escaped)}"`;
}
