import { connection, reconnect, status, useLive } from "../../events/mod.ts";
import { LogList } from "./log_list.tsx";
import { ModelPanel } from "./model_panel.tsx";
import { RequestTable } from "./request_table.tsx";
import { Tiles } from "./tiles.tsx";

/** The content of the page. */
export function View() {
  useLive();
  const now = status.value;
  return (
    <>
      <header class="row">
        <h1>Machine</h1>
        <span class="space" />
        <ConnectionState />
      </header>
      {now !== null && (
        <>
          <Tiles status={now} />
          <h2>Models</h2>
          {now.models.length === 0 && <p>No model is loaded.</p>}
          {now.models.map((model) => <ModelPanel key={model.name} model={model} />)}
        </>
      )}
      <h2>Requests</h2>
      <RequestTable />
      <h2>Log</h2>
      <LogList />
    </>
  );
}

function ConnectionState() {
  const now = connection.value;
  if (!("message" in now)) {
    const isOpen = now.state === "open";
    return (
      <span class={isOpen ? "state state-loaded" : "state"}>{isOpen ? "live" : "connecting…"}</span>
    );
  }
  return (
    <span class="row" role="alert">
      <span class="failure">{now.message}</span>
      <button type="button" onClick={reconnect}>Connect again</button>
    </span>
  );
}
