import type { AttentionConfig, AttentionLayer } from './layer.js';
import type { Mechanism } from './mechanism.js';
import { causalPrimal } from './mechanisms/causal-primal/mechanism.js';
import { cosformer } from './mechanisms/cosformer/mechanism.js';
import { cosine } from './mechanisms/cosine/mechanism.js';
import { dataIndependentPrimal } from './mechanisms/data-independent-primal/mechanism.js';
import { flowformer } from './mechanisms/flowformer/mechanism.js';
import { fusedSoftmax } from './mechanisms/fused-softmax/mechanism.js';
import { linear } from './mechanisms/linear/mechanism.js';
import { linformer } from './mechanisms/linformer/mechanism.js';
import { longformer } from './mechanisms/longformer/mechanism.js';
import { nystromformer } from './mechanisms/nystromformer/mechanism.js';
import { performer } from './mechanisms/performer/mechanism.js';
import { primal } from './mechanisms/primal/mechanism.js';
import { reformer } from './mechanisms/reformer/mechanism.js';
import { soft } from './mechanisms/soft/mechanism.js';
import { softmax } from './mechanisms/softmax/mechanism.js';
import { yoso } from './mechanisms/yoso/mechanism.js';

/** Every mechanism by its name. */
export const mechanisms = {
  softmax,
  'fused-softmax': fusedSoftmax,
  primal,
  'data-independent-primal': dataIndependentPrimal,
  'causal-primal': causalPrimal,
  linear,
  linformer,
  performer,
  nystromformer,
  reformer,
  longformer,
  yoso,
  cosformer,
  soft,
  flowformer,
  cosine,
} as const;

/** A name that {@link createAttention} takes. */
export type MechanismName = keyof typeof mechanisms;

/** The configuration of a mechanism: `AttentionOptions<'primal'>`. */
export type AttentionOptions<Name extends MechanismName> =
  (typeof mechanisms)[Name] extends Mechanism<infer Config> ? Config : never;

/**
 * Makes the attention layer of a mechanism.
 *
 * @param mechanism its name, such as `primal` ({@link mechanisms} has all), or a {@link Mechanism} of your own
 * @param config the options of that mechanism; `heads` is common to all
 * @throws Error for an unknown name or option, with the valid ones; for a value out of its range
 */
export function createAttention<Name extends MechanismName>(
  mechanism: Name,
  config: AttentionOptions<Name>,
): AttentionLayer;
export function createAttention<Config extends AttentionConfig>(
  mechanism: Mechanism<Config>,
  config: Config,
): AttentionLayer;
export function createAttention(mechanism: string | Mechanism, config: AttentionConfig): AttentionLayer {
  if (typeof mechanism !== 'string') return new mechanism.layer(config);
  if (!Object.hasOwn(mechanisms, mechanism)) {
    throw new Error(
      `createAttention: there is no mechanism '${mechanism}'; choose one of ${Object.keys(mechanisms).sort().join(', ')}`,
    );
  }
  const { layer: Layer } = mechanisms[mechanism as MechanismName] as unknown as Mechanism;
  return new Layer(config);
}
