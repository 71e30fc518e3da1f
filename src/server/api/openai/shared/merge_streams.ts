/** A value and the index of its source. */
export interface Indexed<T> {
  readonly index: number;
  readonly value: T;
}

/**
 * Runs several sources concurrently and yields their values in order of arrival.
 *
 * At most `limit` sources run at a time; the next one starts when one ends. When a source fails or the
 * caller stops iterating, all sources are ended.
 */
export async function* mergeStreams<T>(
  starts: readonly (() => AsyncIterable<T>)[],
  limit: number,
): AsyncGenerator<Indexed<T>, void> {
  const [only] = starts;
  if (starts.length === 1) {
    for await (const value of only!()) yield { index: 0, value };
    return;
  }
  interface Step {
    readonly index: number;
    readonly result: IteratorResult<T>;
  }
  const iterators = new Map<number, AsyncIterator<T>>();
  const steps = new Map<number, Promise<Step>>();
  let started = 0;
  const advance = (index: number, iterator: AsyncIterator<T>) => {
    const step = iterator.next().then((result) => ({ index, result }));
    // Only one error is thrown; the others must not become unhandled rejections.
    step.catch(() => {});
    steps.set(index, step);
  };
  const startMore = () => {
    while (started < starts.length && iterators.size < limit) {
      const index = started++;
      const iterator = starts[index]!()[Symbol.asyncIterator]();
      iterators.set(index, iterator);
      advance(index, iterator);
    }
  };
  try {
    startMore();
    while (steps.size > 0) {
      const { index, result } = await Promise.race(steps.values());
      steps.delete(index);
      if (result.done) {
        iterators.delete(index);
        startMore();
        continue;
      }
      yield { index, value: result.value };
      advance(index, iterators.get(index)!);
    }
  } finally {
    await Promise.allSettled([...iterators.values()].map((iterator) => iterator.return?.()));
  }
}
