/** Settings of a server double. */
interface Settings {
  /** The model is loaded when `finishLoading` is called. */
  readonly isLoading?: boolean;
  /** Answers whose connection breaks before their end. */
  readonly broken?: number;
  /** The end of a path that is never answered. */
  readonly silent?: string;
}

const JSON_STREAM = { headers: { "content-type": "text/event-stream" } };

/** A double of a server whose model gives one answer. */
export function answering(
  text: string,
  reasoning = "",
  { isLoading = false, broken = 0, silent }: Settings = {},
) {
  const loaded = Promise.withResolvers<void>();
  const closing = Promise.withResolvers<void>();
  if (!isLoading) loaded.resolve();
  const chunk = (delta: object, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  let left = broken;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (silent !== undefined && pathname.endsWith(silent)) await closing.promise;
      if (pathname === "/api/models") return Response.json({ models: [{ name: "double" }] });
      if (pathname.endsWith("/status")) {
        return Response.json({ name: "double", state: "loading", progress: 0.4, loaded: null });
      }
      if (pathname === "/props") {
        await loaded.promise;
        return Response.json({
          model_alias: "double",
          chat_template: "{{ messages }}",
          default_generation_settings: { n_ctx: 1024 },
        });
      }
      if (pathname.endsWith("/input_tokens")) return Response.json({ input_tokens: 10 });
      const chunks = [
        ...(reasoning === "" ? [] : [chunk({ reasoning_content: reasoning })]),
        ...Array.from(text, (content) => chunk({ content })),
      ];
      if (left-- > 0) return new Response(breaking(chunks.join("")), JSON_STREAM);
      return new Response([...chunks, chunk({}, "stop"), "data: [DONE]\n\n"].join(""), JSON_STREAM);
    },
  );
  return {
    address: `127.0.0.1:${server.addr.port}`,
    finishLoading: () => loaded.resolve(),
    [Symbol.asyncDispose]: () => {
      closing.resolve();
      return server.shutdown();
    },
  };
}

/** A body that breaks after a text. */
function breaking(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      setTimeout(() => controller.error(new Error("The server was killed")), 50);
    },
  });
}
