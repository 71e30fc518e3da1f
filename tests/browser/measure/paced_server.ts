import { delay } from "@std/async/delay";
import { serveHttp } from "../../../src/server/http/serve.ts";
import { serverDouble } from "../../doubles/server.ts";

/** A passage in Markdown: a heading, paragraphs, a list, code and a table. */
const PASSAGE = `## A passage

The harbour was quiet in the morning, and the **boats** lay close to the wall. A *light* wind came from the
east, so that nobody expected rain before the evening; the [list](https://example.org) says so too.

- The first boat is blue and carries \`nets\`.
- The second boat is green and carries boxes of fish.
- The third boat carries nothing at all.

\`\`\`ts
function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
\`\`\`

| boat  | colour | cargo |
| ----- | ------ | ----- |
| first | blue   | nets  |
| other | green  | fish  |

`;

/** A server whose model says a passage again and again, at a rate. */
export interface PacedServer extends AsyncDisposable {
  readonly origin: string;
  /** Name of the model. */
  readonly model: string;
}

/**
 * Starts a server without a model: nothing computes beside the browser, and tokens come at the same rate
 * on every machine.
 */
export function startPaced(tokensPerSecond: number): PacedServer {
  const tokens = PASSAGE.match(/\s*\S{1,6}|\s+/g)!;
  let began = 0;
  const double = serverDouble({
    settings: { ui: true },
    engine: {
      info: { contextLength: 1 << 20, trainedContext: 1 << 20 },
      script: { tokens, endless: true },
      async beforeToken(index) {
        if (index === 0) began = performance.now();
        const due = began + index * 1000 / tokensPerSecond;
        const wait = due - performance.now();
        if (wait > 0) await delay(wait);
      },
    },
  });
  const server = serveHttp({ hostname: "127.0.0.1", port: 0 }, double.handler);
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    model: double.entry.name,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
