import { createAttention, type MechanismName } from '@primal-attention/attention';
import { checkKernelOptions, type KernelOptions, type LraClassifierConfig } from '@primal-attention/models';
import { z } from 'zod';

/** Launches of kernels by the names of these. */
const launches = z.record(z.string(), z.string());

/** The setting `kernels` of a config. */
export const kernelSettings = z.union(
  [z.literal(true), z.strictObject({ choice: launches, tiles: launches.optional() })],
  {
    error:
      'must be true or { "choice": { … } }, beside which may be "tiles"; leave it out for a run without kernels',
  },
);

/** What of a config the kernels of its model follow from. */
interface KernelConfig {
  readonly layers: readonly MechanismName[];
  readonly mechanisms: { readonly [Name in MechanismName]?: object };
  readonly kernels?: z.infer<typeof kernelSettings>;
}

/** The setting `kernels` of the run's model. */
export function kernelsOf({ kernels }: Pick<KernelConfig, 'kernels'>): boolean | KernelOptions {
  return typeof kernels === 'object' ? { choice: kernels.choice } : kernels === true;
}

/**
 * The attention of the model's layers, and its settings. With kernels, a softmax layer is a fused one by kernel `tile`: the same
 * function, with the same weights.
 */
export function attentionOf(
  config: KernelConfig,
): Pick<LraClassifierConfig, 'attention' | 'mechanismOptions'> {
  const { layers, mechanisms, kernels } = config;
  if (!hasSoftmaxKernels(config)) return { attention: layers, mechanismOptions: mechanisms };
  const { softmax, ...others } = mechanisms;
  const tiles = typeof kernels === 'object' ? kernels.tiles : undefined;
  return {
    attention: layers.map((name) => (name === 'softmax' ? 'fused-softmax' : name)),
    mechanismOptions: { ...others, 'fused-softmax': { ...softmax, kernel: 'tile', ...(tiles && { tiles }) } },
  };
}

/** Whether softmax attention is computed by kernels. */
export function hasSoftmaxKernels({ layers, kernels }: Pick<KernelConfig, 'layers' | 'kernels'>): boolean {
  return kernels !== undefined && layers.includes('softmax');
}

/** Tells `issue` where the kernels of a config cannot be, and which of its settings say against each other how dropout draws. */
export function checkKernelSettings(
  config: KernelConfig & {
    readonly heads: number;
    readonly precision: string;
    readonly dropoutDraw?: 'products';
  },
  issue: (path: string[], message: string) => void,
): void {
  const { layers, mechanisms, heads, precision, kernels, dropoutDraw } = config;
  const attempt = (path: string[], check: () => unknown): void => {
    try {
      check();
    } catch (error) {
      issue(path, (error as Error).message);
    }
  };
  if (kernels !== undefined && precision === 'float32') {
    issue(['kernels'], 'need products in TF32 or bf16: precision tf32 or bf16, got float32');
  }
  attempt(['kernels'], () => checkKernelOptions('lraClassifier', kernelsOf(config)));
  const byKernels = hasSoftmaxKernels(config);
  if (byKernels && layers.includes('fused-softmax')) {
    issue(
      ['kernels'],
      'make fused-softmax layers of softmax ones: a config with kernels has layers of one of the two, got both',
    );
  }
  if ((byKernels || dropoutDraw) && Object.hasOwn(mechanisms.softmax ?? {}, 'dropoutDraw')) {
    const reason = byKernels
      ? 'by kernels, softmax attention draws by products'
      : 'dropoutDraw of the config is for all dropout';
    issue(['mechanisms', 'softmax', 'dropoutDraw'], `${reason}: leave this one out`);
  }
  const tiles = typeof kernels === 'object' ? kernels.tiles : undefined;
  if (tiles === undefined) return;
  if (!byKernels) issue(['kernels', 'tiles'], 'are of softmax layers, and the config has none');
  attempt(['kernels', 'tiles'], () => createAttention('fused-softmax', { heads, kernel: 'tile', tiles }));
}
