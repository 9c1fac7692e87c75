import { mergeConfig } from 'vitest/config';
import shared from '../../vitest.config.ts';

/** These tests are about one engine, whatever PRIMAL_BACKEND names for the packages above. */
export default mergeConfig(shared, { test: { env: { PRIMAL_BACKEND: 'xla' } } });
