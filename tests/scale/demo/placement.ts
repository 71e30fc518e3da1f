/** Where the layers of a replica's model lie. */
import type { Cluster, ReplicaName } from "../cluster.ts";

interface DevicePart {
  readonly device: string;
  readonly layers: number;
}

/** @returns the devices and the number of their layers, as a text such as "RPC0 3, RPC1 2". */
export async function placement(cluster: Cluster, name: ReplicaName): Promise<string> {
  const read = async (path: string) => {
    const response = await fetch(`${cluster.urlOf(name)}${path}`);
    const body = await response.json();
    if (!response.ok) throw new Error(`${response.status}: ${JSON.stringify(body)}`);
    return body;
  };
  const { data: [model] } = await read("/v1/models");
  const { loaded } = await read(`/api/models/${encodeURIComponent(model.id)}/status`);
  return (loaded.placement as DevicePart[]).filter(({ layers }) => layers > 0)
    .map(({ device, layers }) => `${device} ${layers}`).join(", ");
}
