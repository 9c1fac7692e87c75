/** What the published settings fix for a task, whatever the model. */
export interface TaskFacts {
  /** Token ids that the model has room for: not all of them occur. */
  readonly vocabulary: number;
  /** N at the published settings. */
  readonly length: number;
  readonly classes: number;
  /** Two documents, one encoder. */
  readonly dual: boolean;
}

/** The tasks of Table 3, by the names that the paper prints. */
export const tasks = {
  ListOps: { vocabulary: 32, length: 2048, classes: 10, dual: false },
  Text: { vocabulary: 512, length: 4096, classes: 2, dual: false },
  Retrieval: { vocabulary: 512, length: 4096, classes: 2, dual: true },
  Image: { vocabulary: 512, length: 1024, classes: 10, dual: false },
  Pathfinder: { vocabulary: 512, length: 1024, classes: 2, dual: false },
} as const satisfies Readonly<Record<string, TaskFacts>>;

export type TaskName = keyof typeof tasks;

/**
 * The mechanism of each layer of the models of Table 3, by the names that the paper prints. The official code has two layers.
 * `Lin.` is Linformer.
 */
export const tableModels = {
  'Trans.': ['softmax', 'softmax'],
  'Re.': ['reformer', 'reformer'],
  'Per.': ['performer', 'performer'],
  'Lin.': ['linformer', 'linformer'],
  Nystrom: ['nystromformer', 'nystromformer'],
  'Long.': ['longformer', 'longformer'],
  'YOSO-E': ['yoso', 'yoso'],
  'Primal.': ['primal', 'primal'],
  'Primal.+Trans.': ['softmax', 'primal'],
} as const;
