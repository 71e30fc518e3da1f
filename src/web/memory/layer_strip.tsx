/** A device and its number of layers. */
interface Share {
  readonly device: string;
  readonly layers: number;
}

/** Most layers that have a cell of their own. */
const MOST_CELLS = 160;

/** The layers of a model as a strip, a cell for each. Devices are in the order of their first layer. */
export function LayerStrip({ placement }: { readonly placement: readonly Share[] }) {
  const ordered = placement.filter(({ layers }) => layers > 0);
  const total = ordered.reduce((sum, { layers }) => sum + layers, 0);
  const label = ordered.map(({ device, layers }) => `${device} ${layers}`).join(", ");
  return (
    <div class="layers">
      <div class="strip" role="img" aria-label={`Layers: ${label}`}>
        {total <= MOST_CELLS
          ? ordered.flatMap(({ device, layers }, index) =>
            Array.from(
              { length: layers },
              (_, layer) => (
                <span
                  key={`${device}-${layer}`}
                  class={`cell device-${index % 6}`}
                  title={device}
                />
              ),
            )
          )
          : ordered.map(({ device, layers }, index) => (
            <span
              key={device}
              class={`cell device-${index % 6}`}
              style={{ flexGrow: layers }}
              title={device}
            />
          ))}
      </div>
      <ul class="legend">
        {ordered.map(({ device, layers }, index) => (
          <li key={device}>
            <span class={`cell device-${index % 6}`} /> {device}: {layers}{" "}
            {layers === 1 ? "layer" : "layers"}
          </li>
        ))}
      </ul>
    </div>
  );
}
