import ipaddr from "ipaddr.js";
import { lookup } from "node:dns/promises";
import { isAddress, type Reach } from "./allowed_hosts.ts";

/** Finds the addresses of a host name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** A host has an address that must not be connected to. */
export class PrivateAddressError extends Error {}

/** Asks the system's resolver. */
export async function resolveName(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

/**
 * An address of a URL's host that may be connected to. All addresses of a name must be public: a name that
 * also has a private one is an attempt to reach it.
 *
 * @throws {PrivateAddressError}
 */
export async function addressOf(url: URL, reach: Reach, resolve: Resolve): Promise<string> {
  const { hostname } = url;
  const addresses = isAddress(hostname)
    ? [hostname.replace(/^\[|\]$/g, "")]
    : await resolve(hostname);
  const [first] = addresses;
  if (first === undefined) throw new Error("has no address");
  if (reach === "public" && !addresses.every(isPublic)) throw new PrivateAddressError();
  return first;
}

/** Whether an address belongs to the public internet: no private, loopback, shared or reserved range. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  // Also the IPv4 address inside of an IPv6 address.
  return ipaddr.process(address).range() === "unicast";
}
