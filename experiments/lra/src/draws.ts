import type { DropoutDraw } from '@primal-attention/runtime';
import type { RunConfig } from './config.js';
import { hasSoftmaxKernels } from './kernel-settings.js';

/** How the dropout of a run's blocks draws its masks. */
export function drawOf({ dropoutDraw }: Pick<RunConfig, 'dropoutDraw'>): DropoutDraw {
  return dropoutDraw ?? 'elements';
}

/** How the dropout on softmax attention's weights draws them; undefined where there is none. */
export function attentionDrawOf(config: RunConfig): DropoutDraw | undefined {
  const { layers, mechanisms, dropout } = config;
  const options = (mechanisms.softmax ?? {}) as { dropout?: number; dropoutDraw?: DropoutDraw };
  if (!layers.includes('softmax') || (options.dropout ?? dropout) === 0) return undefined;
  return hasSoftmaxKernels(config) ? 'products' : (options.dropoutDraw ?? drawOf(config));
}

/** Whose dropout draws by products, in a few words; undefined where none does. */
export function productsText(config: RunConfig): string | undefined {
  if (drawOf(config) === 'products') return 'dropout by products';
  return attentionDrawOf(config) === 'products' ? 'attention dropout by products' : undefined;
}
