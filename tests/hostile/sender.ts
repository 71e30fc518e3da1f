/** A Worker that sends the same request several times at once: large bodies would delay the measurement. */

/** Requests of a sender, and where their statuses go. */
export interface Order {
  readonly url: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The content type of the body. */
  readonly type: string;
  readonly count: number;
  readonly milliseconds: number;
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage(statuses: readonly string[]): void;
};

scope.onmessage = async ({ data: { url, body, type, count, milliseconds } }) => {
  const signal = AbortSignal.timeout(milliseconds);
  const send = async () => {
    try {
      const headers = { "content-type": type };
      const response = await fetch(url, { method: "POST", body, headers, signal });
      await response.text();
      return String(response.status);
    } catch {
      return "none";
    }
  };
  scope.postMessage(await Promise.all(Array.from({ length: count }, send)));
};
