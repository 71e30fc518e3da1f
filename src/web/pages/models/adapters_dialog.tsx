import { useEffect } from "preact/hooks";
import { type Signal, useSignal } from "@preact/signals";
import { getJson, postJson } from "../../api/mod.ts";
import { Dialog } from "../../ui/mod.ts";
import { messageOf, refresh } from "./store.ts";

/** The answer of `/api/lora`. */
interface Adapters {
  readonly loaded: boolean;
  readonly adapters: readonly {
    readonly name: string;
    readonly kind: "lora" | "control-vector";
    readonly scale: number;
    readonly layers?: readonly [number, number];
  }[];
  readonly available: readonly string[];
}

/** Scales of the slider. The route takes -10 to 10. */
const SCALES = { min: -2, max: 2, step: 0.05 };

/** The adapters of a model: load, scale and unload. */
export function AdaptersDialog({ name, onClose }: {
  readonly name: string;
  readonly onClose: () => void;
}) {
  const state = useSignal<Adapters | null>(null);
  const error = useSignal<string | null>(null);
  const isBusy = useSignal(false);
  const take = async (answer: Promise<Adapters>) => {
    isBusy.value = true;
    try {
      state.value = await answer;
      error.value = null;
    } catch (thrown) {
      error.value = messageOf(thrown);
    }
    isBusy.value = false;
  };
  const change = async (body: Readonly<Record<string, unknown>>) => {
    await take(postJson("/api/lora", { model: name, ...body }));
    await refresh();
  };
  useEffect(() => void take(getJson(`/api/lora?model=${encodeURIComponent(name)}`)), [name]);
  return (
    <Dialog title={`Adapters of ${name}`} onClose={onClose} wide>
      {error.value !== null && <p class="failure" role="alert">{error.value}</p>}
      {state.value !== null && <AdapterList state={state.value} change={change} isBusy={isBusy} />}
    </Dialog>
  );
}

function AdapterList({ state: { loaded, adapters, available }, change, isBusy }: {
  readonly state: Adapters;
  readonly change: (body: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly isBusy: Signal<boolean>;
}) {
  const more = available.filter((name) => !adapters.some((one) => one.name === name));
  return (
    <>
      {!loaded && <p class="faint">The model is not loaded. Loading an adapter loads it.</p>}
      {adapters.length + more.length === 0 && (
        <p>There is no adapter: put its GGUF file into a model folder.</p>
      )}
      {adapters.map(({ name, kind, scale, layers }) => (
        <div key={name} class="row adapter" data-adapter={name}>
          <label class="grow">
            {name} <span class="faint">{kind}{layers && `, layers ${layers.join(" to ")}`}</span>
            <input
              type="range"
              {...SCALES}
              value={scale}
              disabled={isBusy.value}
              onChange={(event) =>
                void change({ name, scale: event.currentTarget.valueAsNumber })}
            />
          </label>
          <output>{scale.toFixed(2)}</output>
          <button
            type="button"
            disabled={isBusy.value}
            onClick={() =>
              void change({ name, unload: true })}
          >
            Unload
          </button>
        </div>
      ))}
      {more.map((name) => (
        <div key={name} class="row adapter" data-adapter={name}>
          <span class="grow">{name}</span>
          <button type="button" disabled={isBusy.value} onClick={() => void change({ name })}>
            Load
          </button>
        </div>
      ))}
    </>
  );
}
