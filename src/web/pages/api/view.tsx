import { useEffect } from "preact/hooks";
import { signal, useSignal } from "@preact/signals";
import { getJson, listModels, type ModelSummary } from "../../api/mod.ts";
import { hrefOf, route } from "../../shell/mod.ts";
import { type OpenApi, type Operation, operationsOf } from "./openapi.ts";
import { OperationView } from "./operation_view.tsx";

/** The routes of the server; null before they are read. They do not change while the server runs. */
const operations = signal<readonly Operation[] | null>(null);

/** The content of the page. */
export function View() {
  const error = useSignal<string | null>(null);
  const model = useSignal("");
  useEffect(() => {
    const failed = (thrown: unknown) =>
      error.value = thrown instanceof Error ? thrown.message : String(thrown);
    listModels().then(({ models }) => model.value = chosenModel(models), failed);
    if (operations.value !== null) return;
    getJson<OpenApi>("/openapi.json").then((read) => operations.value = operationsOf(read), failed);
  }, []);
  const all = operations.value;
  const chosen = all?.find(({ id }) => id === route.value.rest);
  return (
    <>
      <h1>API</h1>
      {error.value !== null && <p class="failure" role="alert">{error.value}</p>}
      {all === null
        ? error.value === null && <p class="faint">The routes are read…</p>
        : (
          <div class="routes">
            <RouteList operations={all} />
            {chosen === undefined
              ? <p class="faint">Choose a route to read and to try it.</p>
              : <OperationView key={chosen.id} operation={chosen} model={model.value} />}
          </div>
        )}
    </>
  );
}

/** The model of the examples: a loaded one, if there is one. */
function chosenModel(models: readonly ModelSummary[]): string {
  const talking = models.filter(({ kind }) => kind === "language");
  return (talking.find(({ state }) => state === "loaded") ?? talking[0] ?? models[0])?.name ?? "";
}

function RouteList({ operations }: { readonly operations: readonly Operation[] }) {
  const search = useSignal("");
  const words = search.value.toLowerCase().split(/\s+/);
  const shown = operations.filter(({ method, path, summary, tag }) => {
    const text = `${method} ${path} ${summary} ${tag}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const groups = Map.groupBy(shown, ({ tag }) => tag);
  return (
    <nav class="route-list" aria-label="Routes">
      <input
        type="search"
        aria-label="Search routes"
        placeholder="Search"
        value={search.value}
        onInput={(event) => search.value = event.currentTarget.value}
      />
      {shown.length === 0 && <p>No route matches.</p>}
      {[...groups].map(([tag, members]) => (
        <section key={tag} aria-label={tag}>
          <h2>{tag}</h2>
          <ul>
            {members.map(({ id, method, path, summary }) => (
              <li key={id}>
                <a
                  href={hrefOf("api", id)}
                  title={summary}
                  aria-current={route.value.rest === id ? "true" : undefined}
                >
                  <b>{method}</b> {path}
                </a>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}
