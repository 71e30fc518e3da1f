import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { BASE, key } from "../../api/mod.ts";
import { duration } from "../../ui/mod.ts";
import { type Attempt, attempt } from "./attempt.ts";
import { exampleBody } from "./example.ts";
import type { Operation, Parameter } from "./openapi.ts";
import { headersOf, pathOf } from "./request_of.ts";
import { SnippetTabs } from "./snippet_tabs.tsx";
import type { Asked } from "./snippets.ts";

/** A form that sends a request to a route, and the same request for programs. */
export function TryForm({ operation, model }: {
  readonly operation: Operation;
  readonly model: string;
}) {
  const { body, parameters } = operation;
  const values = useSignal<Readonly<Record<string, string>>>({});
  /** Null until the user changes the example. */
  const text = useSignal<string | null>(null);
  const result = useSignal<Attempt | null>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const filled = { ...defaults(parameters, model), ...values.value };
  const written = text.value ??
    (body === null ? "" : JSON.stringify(exampleBody(body, model), null, 2));
  const parsed = parse(written);
  const path = pathOf(operation, filled);
  const asked: Asked = {
    method: operation.method,
    url: BASE + path.slice(1),
    headers: headersOf(operation, filled),
    body: parsed.value,
    isStreamed: streams(operation, parsed.value),
    needsKey: key.value !== null && operation.scope !== null,
  };
  const send = async (event: Event) => {
    event.preventDefault();
    running.current?.abort();
    const { signal } = running.current = new AbortController();
    await attempt(asked, path, signal, (now) => {
      // An earlier request must not replace the response of this one.
      if (running.current?.signal === signal) result.value = now;
    });
  };
  const isShown = (parameter: Parameter) => parameter.in !== "header";
  const headers = parameters.filter((parameter) => !isShown(parameter));
  const field = (parameter: Parameter) => (
    <ParameterField
      key={parameter.name}
      parameter={parameter}
      value={filled[parameter.name] ?? ""}
      change={(value) => values.value = { ...values.value, [parameter.name]: value }}
    />
  );
  return (
    <>
      <form class="try" onSubmit={(event) => void send(event)}>
        {parameters.filter(isShown).map(field)}
        {body !== null && (
          <label class="field">
            <span>Body</span>
            <textarea
              name="body"
              class="code"
              spellcheck={false}
              rows={Math.min(20, written.split("\n").length + 1)}
              value={written}
              aria-invalid={parsed.error !== null}
              onInput={(event) => text.value = event.currentTarget.value}
            />
          </label>
        )}
        {headers.length > 0 && (
          <details>
            <summary>Headers</summary>
            {headers.map(field)}
          </details>
        )}
        {parsed.error !== null && <p class="failure" role="alert">{parsed.error}</p>}
        <div class="row">
          <button type="submit" class="primary" disabled={parsed.error !== null}>Send</button>
          {result.value?.state === "running" && (
            <button
              type="button"
              onClick={() => running.current?.abort()}
            >
              Stop
            </button>
          )}
          {operation.scope === "admin" && operation.method !== "GET" && (
            <span class="faint">This changes the server.</span>
          )}
        </div>
      </form>
      {result.value !== null && <Result attempt={result.value} />}
      <SnippetTabs asked={asked} />
    </>
  );
}

function ParameterField({ parameter: { name, description, required, in: place }, value, change }: {
  readonly parameter: Parameter;
  readonly value: string;
  readonly change: (value: string) => void;
}) {
  return (
    <label class="field">
      <span>
        <code>{name}</code> <span class="faint">{place}{description && `: ${description}`}</span>
      </span>
      <input
        name={name}
        autocomplete="off"
        spellcheck={false}
        required={required ?? false}
        value={value}
        onInput={(event) => change(event.currentTarget.value)}
      />
    </label>
  );
}

function Result({ attempt: { state, status, headers, text, isCut, milliseconds } }: {
  readonly attempt: Attempt;
}) {
  const isGood = status !== undefined && status < 400;
  return (
    <section class="result" aria-label="Response" data-state={state}>
      <p role="status">
        <strong class={isGood ? "good" : "failure"}>
          {status ?? (state === "running" ? "sent" : state)}
        </strong>{" "}
        {state === "running" ? "running" : `${state} in ${duration(milliseconds)}`}
      </p>
      {headers.length > 0 && (
        <pre class="faint">{headers.map(([name, value]) => `${name}: ${value}`).join("\n")}</pre>
      )}
      <pre class="scrolled" tabIndex={0} aria-label="Body of the response">{text}</pre>
      {isCut && <p class="faint">The response is longer; its begin is shown.</p>}
    </section>
  );
}

/** Variables of paths that name a model. */
function defaults(parameters: readonly Parameter[], model: string): Record<string, string> {
  const names = parameters.filter(({ name, in: place }) =>
    place === "path" && (name === "name" || name === "model")
  );
  return Object.fromEntries(names.map(({ name }) => [name, model]));
}

function parse(text: string): { readonly value: unknown; readonly error: string | null } {
  if (text.trim() === "") return { value: undefined, error: null };
  try {
    return { value: JSON.parse(text), error: null };
  } catch (error) {
    return { value: undefined, error: `The body is no JSON: ${(error as Error).message}` };
  }
}

/** Whether the response comes in parts. Ollama's routes stream unless they are told not to. */
function streams({ streams, tag, answer }: Operation, body: unknown): boolean {
  if (streams.length === 0) return false;
  const asked = (body as { readonly stream?: unknown } | undefined)?.stream;
  if (typeof asked === "boolean") return asked;
  return tag === "ollama" || answer === null;
}
