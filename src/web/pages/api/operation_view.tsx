import type { Operation } from "./openapi.ts";
import { FieldTable } from "./field_table.tsx";
import { TryForm } from "./try_form.tsx";

/** What a route does, its fields, and a form that tries it. */
export function OperationView({ operation, model }: {
  readonly operation: Operation;
  readonly model: string;
}) {
  const { method, path, summary, scope, body, answer, streams, isUpgrade } = operation;
  return (
    <article class="operation" aria-label={`${method} ${path}`}>
      <h2>
        <b>{method}</b> <code>{path}</code>
      </h2>
      <p>{summary}.</p>
      <p class="faint">
        {scope === null
          ? "Needs no key."
          : scope === "any"
          ? "Any valid key may use it."
          : `A key needs the scope ${scope}.`}
        {streams.length > 0 && ` Streams as ${streams.join(" or ")}.`}
      </p>
      {isUpgrade
        ? <p>This route is a WebSocket. Programs connect to it; this page cannot try it.</p>
        : <TryForm operation={operation} model={model} />}
      {body !== null && (
        <details open>
          <summary>Fields of the request</summary>
          <FieldTable schema={body} />
        </details>
      )}
      {answer !== null && (
        <details>
          <summary>Fields of the response</summary>
          <FieldTable schema={answer} />
        </details>
      )}
    </article>
  );
}
