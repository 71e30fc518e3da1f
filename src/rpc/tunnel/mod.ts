/** Tunnels between machines that share a key: authenticated on both sides, encrypted, safe against replay. */
export { ensureRpcKey, readRpcKey, type RpcKey } from "./key_file.ts";
export { KeyRefused, secureClient, secureServer } from "./secure.ts";
export { TUNNEL_THREAD, Tunnels } from "./tunnels.ts";
