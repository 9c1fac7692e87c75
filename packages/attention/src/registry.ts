import type { AttentionLayer } from './layer.js';
import type { Mechanism } from './mechanism.js';
import { primal } from './mechanisms/primal/mechanism.js';
import { softmax } from './mechanisms/softmax/mechanism.js';
import { yoso } from './mechanisms/yoso/mechanism.js';

/** Every mechanism by its name. */
export const mechanisms = {
  softmax,
  primal,
  yoso,
} as const;

export type MechanismName = keyof typeof mechanisms;

/** The configuration of a mechanism: `AttentionOptions<'primal'>`. */
export type AttentionOptions<Name extends MechanismName> =
  (typeof mechanisms)[Name] extends Mechanism<infer Config> ? Config : never;

/**
 * Makes the attention layer of a mechanism by its name.
 *
 * @param name such as `primal`; {@link mechanisms} has all
 * @param config the options of that mechanism; `heads` is common to all
 * @throws Error for an unknown name or option, with the valid ones; for a value out of its range
 */
export function createAttention<Name extends MechanismName>(
  name: Name,
  config: AttentionOptions<Name>,
): AttentionLayer {
  if (!Object.hasOwn(mechanisms, name)) {
    throw new Error(
      `createAttention: there is no mechanism '${name}'; choose one of ${Object.keys(mechanisms).sort().join(', ')}`,
    );
  }
  const { layer: Layer } = mechanisms[name] as unknown as Mechanism<AttentionOptions<Name>>;
  return new Layer(config);
}
