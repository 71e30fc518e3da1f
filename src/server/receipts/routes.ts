import { type Dialect, lazyRoute, type Route } from "../http/mod.ts";

/** The route of the public key that verifies receipts. */
export function receiptRoutes(dialect: Dialect): readonly Route[] {
  return [
    lazyRoute({
      method: "GET",
      path: "/api/receipts/key",
      scope: "any",
      dialect,
      summary: "Public key that verifies receipts",
    }, async () => (await import("./public_key.ts")).publicKey),
  ];
}
