import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { getJson } from "../../api/mod.ts";
import { DeviceBar, LayerStrip, MemoryLegend } from "../../memory/mod.ts";
import { count, Dialog } from "../../ui/mod.ts";
import { type Plan, planMemory } from "./plan.ts";
import { messageOf, modelPath } from "./store.ts";

/** Whether a model would fit, and where its layers would lie. Nothing is loaded for that. */
export function PlanDialog({ name, onClose }: {
  readonly name: string;
  readonly onClose: () => void;
}) {
  const plan = useSignal<Plan | null>(null);
  const error = useSignal<string | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    getJson<Plan>(modelPath(name, "plan"), { signal: controller.signal })
      .then((found) => plan.value = found, (thrown) => {
        if (!controller.signal.aborted) error.value = messageOf(thrown);
      });
    return () => controller.abort();
  }, [name]);
  return (
    <Dialog title={`Plan of ${name}`} onClose={onClose} wide>
      {error.value !== null && <p class="failure" role="alert">{error.value}</p>}
      {plan.value === null
        ? error.value === null && <p class="faint" role="status">The plan is computed…</p>
        : <PlanView plan={plan.value} />}
    </Dialog>
  );
}

function PlanView({ plan }: { readonly plan: Plan }) {
  const { fits, layers, offloaded_layers, context_length, parallel, devices, notes, context } =
    plan;
  return (
    <div class="plan" data-fits={fits}>
      <p>
        <strong class={fits ? "good" : "failure"}>{fits ? "It fits." : "It does not fit."}</strong>
        {" "}
        {offloaded_layers} of {layers} layers on a GPU, {count(context_length)} tokens of context,
        {" "}
        {parallel} {parallel === 1 ? "sequence" : "sequences"} at a time.
      </p>
      <p class="faint">{context.reason}</p>
      {devices.map((device) => <DeviceBar key={device.device} memory={planMemory(device)} />)}
      <MemoryLegend kinds={["used", "weights", "kv", "compute", "cache", "reserved"]} />
      <h3>Layers</h3>
      <LayerStrip placement={devices} />
      {notes.length > 0 && <ul>{notes.map((note) => <li key={note}>{note}</li>)}</ul>}
    </div>
  );
}
