import type { Measurement } from './measurement.js';
import { mechanismsOf, type PeerName } from './peers.js';
import {
  hasKernelForm,
  type KernelForm,
  type ModelName,
  modelNames,
  type Precision,
  scalingModels,
  type TaskName,
  taskNames,
  tasks,
} from './settings.js';

/** What to measure. */
export interface Wishes {
  readonly tasks: readonly TaskName[];
  readonly models: readonly ModelName[];
  readonly precisions: readonly Precision[];
  /** The forms of our models; a model, or a precision, that has no form with kernels is measured without alone. */
  readonly kernels: readonly KernelForm[];
  readonly peers: readonly PeerName[];
  /** In place of the published sizes. */
  readonly length?: number;
  readonly batch?: number;
  readonly scaling?: { readonly lengths: readonly number[]; readonly batch: number };
}

/**
 * All measurements, the most valuable first, since a budget may end before them: our models on the text task, the peers' there,
 * the curves against N, and then the other tasks. Models, tasks and lengths are in the order of `settings.ts`, whatever theirs
 * in the wishes.
 */
export function plan(wishes: Wishes): Measurement[] {
  const { precisions, peers, scaling } = wishes;
  const wanted = taskNames.filter((task) => wishes.tasks.includes(task));
  const models = modelNames.filter((model) => wishes.models.includes(model));
  const size = (task: TaskName) => ({
    length: wishes.length ?? tasks[task].length,
    batch: wishes.batch ?? tasks[task].batch,
  });
  const formsOf = (model: ModelName, precision: Precision): readonly KernelForm[] =>
    wishes.kernels.filter((form) => form === 'off' || (precision !== 'float32' && hasKernelForm(model)));
  const ours = (task: TaskName): Measurement[] =>
    models.flatMap((model) =>
      precisions.flatMap((precision) =>
        formsOf(model, precision).map((kernels) => ({
          ...({ part: 'table', program: 'ours', task, model, precision, kernels } as const),
          ...size(task),
        })),
      ),
    );
  const theirs = precisions.flatMap((precision) =>
    peers.flatMap((program) =>
      Object.keys(mechanismsOf(program)).map((model) => ({
        ...({ part: 'table', program, task: 'Text', model: model as ModelName, precision } as const),
        ...({ kernels: 'off' } as const),
        ...size('Text'),
      })),
    ),
  );
  const curves = precisions.flatMap((precision) =>
    [...(scaling?.lengths ?? [])]
      .sort((a, b) => a - b)
      .flatMap((length) =>
        scalingModels.flatMap((model) =>
          formsOf(model, precision).map((kernels) => ({
            ...({ part: 'scaling', program: 'ours', task: 'Text', model, precision, kernels } as const),
            ...{ length, batch: scaling!.batch },
          })),
        ),
      ),
  );
  return [
    ...(wanted.includes('Text') ? [...ours('Text'), ...theirs] : []),
    ...curves,
    ...wanted.filter((task) => task !== 'Text').flatMap(ours),
  ];
}
