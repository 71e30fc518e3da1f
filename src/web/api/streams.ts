/** An event of a `text/event-stream` (WHATWG HTML, 9.2.6). */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | null;
}

/** The lines of a body, without their ends. */
async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  // A pipe through a `TextDecoderStream` takes the browser longer for each part.
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (let isDone = false; !isDone;) {
      const { done, value } = await reader.read();
      isDone = done;
      const parts = (rest + decoder.decode(value, { stream: !done })).split("\n");
      rest = parts.pop()!;
      for (const part of parts) yield part.replace(/\r$/, "");
    }
    if (rest !== "") yield rest;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** The values of an NDJSON response. Leaving the loop closes the connection. */
export async function* valuesOf<T>(response: Response): AsyncGenerator<T> {
  for await (const line of lines(response.body!)) if (line !== "") yield JSON.parse(line);
}

/** The events of a response with server-sent events. Leaving the loop closes the connection. */
export async function* serverEvents(response: Response): AsyncGenerator<ServerEvent> {
  let [event, id, data] = ["message", null as string | null, [] as string[]];
  for await (const line of lines(response.body!)) {
    if (line === "") {
      if (data.length > 0) yield { event, id, data: data.join("\n") };
      [event, data] = ["message", []];
      continue;
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? [];
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    else if (field === "id") id = value;
  }
}
