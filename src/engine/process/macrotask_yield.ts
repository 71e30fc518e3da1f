/** Yields to the event loop, so that queued messages are received. It serves one caller at a time. */
export type Yield = () => Promise<void>;

/** Yields to the event loop by a message to itself. A timer would wait at least a millisecond. */
export function macrotaskYield(): Yield {
  const { port1, port2 } = new MessageChannel();
  let resume = () => {};
  port1.onmessage = () => resume();
  return () =>
    new Promise((resolve) => {
      resume = resolve;
      port2.postMessage(null);
    });
}
