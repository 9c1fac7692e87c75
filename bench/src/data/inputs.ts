import { type Columns, column } from '@primal-attention/datasets';

/** The data of a task, for its batches. */
export interface Input {
  readonly task: string;
  /** As the paper trains it. */
  readonly batch: number;
  readonly train: Columns;
  /** `data`: the set itself. `shape`: numbers of the same shape, where the set is not on this machine; batches take as long. */
  readonly from: 'data' | 'shape';
}

/** A task of the paper: its batch size, and columns of its shape with only as many samples as fit into memory easily. */
interface TaskShape {
  readonly batch: number;
  readonly load: () => Promise<Columns>;
  readonly shape: () => Columns;
}

function rows(samples: number, lengths: Readonly<Record<string, number>>, bytes: 1 | 2 | 4): Columns {
  const columns: Record<string, Columns[string]> = {
    labels: column(
      Uint8Array.from({ length: samples }, (_, i) => i % 2),
      [samples],
    ),
  };
  for (const [name, length] of Object.entries(lengths)) {
    const size = samples * length;
    const data =
      bytes === 1 ? new Uint8Array(size) : bytes === 2 ? new Uint16Array(size) : new Float32Array(size);
    columns[name] = column(data, [samples, length]);
  }
  return columns;
}

/** The columns of one task; what fails to load for want of data gives the shape instead. */
export async function inputOf(task: string, { batch, load, shape }: TaskShape): Promise<Input> {
  try {
    return { task, batch, train: await load(), from: 'data' };
  } catch (error) {
    if (!/not on this machine/.test((error as Error).message)) throw error;
    return { task, batch, train: shape(), from: 'shape' };
  }
}

export { rows, type TaskShape };
