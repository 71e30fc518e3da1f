import { fieldsOf } from "./fields.ts";
import type { Schema } from "./openapi.ts";

/** The fields of a body. */
export function FieldTable({ schema }: { readonly schema: Schema }) {
  const fields = fieldsOf(schema);
  if (fields.length === 0) return <p class="faint">It has no listed fields.</p>;
  return (
    <div class="scrolled" tabIndex={0} role="region" aria-label="Fields">
      <table>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Value</th>
            <th scope="col">Note</th>
          </tr>
        </thead>
        <tbody>
          {fields.map(({ name, type, isRequired, description }) => (
            <tr key={name}>
              <td>
                <code>{name}</code> {isRequired && <span class="faint">required</span>}
              </td>
              <td>{type}</td>
              <td>{description}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
