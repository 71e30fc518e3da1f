/**
 * What a request may do: its key, the scope of its route, its models and its quotas.
 *
 * @module
 */
export {
  admit,
  type Authenticator,
  type Caller,
  checkScope,
  checkValidity,
  createAuthenticator,
  invalidKey,
} from "./authenticate.ts";
export { checkAdapter, poolOf, wholePool } from "./limited_pool.ts";
export { storeOfKey } from "./limited_store.ts";
export { rateHeaders } from "./rate_headers.ts";
export { Shares } from "./shares.ts";
