/**
 * Receives the events of an answer by plain calls. From a message of the engine core to the bytes of
 * a response, every stage is a sink that calls the next one: no stage waits, and no stage queues
 * events, except the last.
 *
 * A sink that cannot pass its output on holds the sequence (`hold` and `release` of
 * {@linkcode FlowControl}). An exception of `event` ends the sequence, and is given to `end`.
 */
export interface Sink<E> {
  /** Takes the next event. */
  event(event: E): void;
  /** The events that arrived together are complete: output that was collected is sent. */
  flush(): void;
  /**
   * The last call. Includes a flush, and never throws.
   * @param error the reason if the sequence failed.
   */
  end(error?: unknown): void;
}

/** A sink that converts events and passes them to the next sink. */
export abstract class Transform<E, Out> implements Sink<E> {
  constructor(protected readonly out: Sink<Out>) {}

  abstract event(event: E): void;

  flush(): void {
    this.out.flush();
  }

  end(error?: unknown): void {
    this.out.end(error);
  }
}

/**
 * Passes all events of a source to `add`, until its end.
 *
 * @param start starts the source with a sink.
 * @throws the error of the source, of its start, or of `add`.
 */
export async function collectEvents<E>(
  start: (sink: Sink<E>) => unknown,
  add: (event: E) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const end = (error?: unknown) => error === undefined ? resolve() : reject(error);
  await Promise.all([start({ event: add, flush() {}, end }), promise]);
}
