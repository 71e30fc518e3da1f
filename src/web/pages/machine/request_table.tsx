import { requests } from "../../events/mod.ts";
import { duration } from "../../ui/mod.ts";
import { clock } from "./clock.ts";

/** The requests that ended while the page is open, the newest first. */
export function RequestTable() {
  const rows = requests.value;
  if (rows.length === 0) {
    return <p class="faint">No request has ended since this page was opened.</p>;
  }
  return (
    <div class="scrolled" tabIndex={0} role="region" aria-label="Requests">
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Request</th>
            <th scope="col">Status</th>
            <th scope="col">Model</th>
            <th scope="col">Prompt</th>
            <th scope="col">Generated</th>
            <th scope="col">Duration</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.request_id}>
              <td>{clock(row.time)}</td>
              <td title={`Request ${row.request_id}`}>
                <code>{row.method} {row.route}</code>
              </td>
              <td class={row.status >= 400 ? "failure" : undefined}>{row.status}</td>
              <td>{row.model ?? ""}</td>
              <td>{row.model === null ? "" : row.prompt_tokens}</td>
              <td>{row.model === null ? "" : row.completion_tokens}</td>
              <td>{duration(row.duration_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
