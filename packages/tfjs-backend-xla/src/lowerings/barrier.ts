import { listOf, lowerList } from './table.js';

/** The inputs, unchanged. XLA neither moves a computation across it nor sees that both sides are the same. */
lowerList('OptimizationBarrier', (b, inputs) => {
  const values = listOf(inputs);
  return b.emitMany(
    `stablehlo.optimization_barrier ${values.map(({ name }) => name).join(', ')} : ` +
      values.map(({ type }) => type.text).join(', '),
    values.map(({ type }) => type),
  );
});
