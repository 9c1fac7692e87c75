/** How texts become rows of byte ids. */
export interface ByteRowOptions {
  /** Bytes that are kept of a text. Default 4,000, as in the numbers that were published. */
  maxBytes?: number;
  /** Length of a row; the rest is 0. Default 4,096, as published: 4,000 and 96 zeros. */
  rowLength?: number;
}

/**
 * Rows of byte ids: byte + 1, so that 0 is padding. UTF-8 has no byte 255, so an id fits into 8 bits.
 */
export class ByteRows {
  readonly maxBytes: number;
  readonly rowLength: number;
  readonly ids: Uint8Array;
  /** Texts that were longer than `maxBytes` and were cut. */
  truncated = 0;
  private rows = 0;

  constructor(count: number, { maxBytes = 4000, rowLength = 4096 }: ByteRowOptions) {
    if (!Number.isInteger(maxBytes) || maxBytes < 1 || !Number.isInteger(rowLength) || rowLength < maxBytes) {
      throw new Error(
        `a row of ${rowLength} cannot hold ${maxBytes} bytes: expected 1 <= maxBytes <= rowLength`,
      );
    }
    this.maxBytes = maxBytes;
    this.rowLength = rowLength;
    this.ids = new Uint8Array(count * rowLength);
  }

  /** Writes the next row. */
  add(text: Uint8Array, fail: (message: string) => never): void {
    const kept = Math.min(text.length, this.maxBytes);
    if (kept < text.length) this.truncated++;
    const start = this.rows++ * this.rowLength;
    for (let i = 0; i < kept; i++) {
      if (text[i] === 255) fail(`byte ${i + 1} is 255, which no UTF-8 text has`);
      this.ids[start + i] = text[i] + 1;
    }
  }
}

/** Ids 0 (padding) to 256; the published models have room for 512. */
export const byteVocabulary = 257;
