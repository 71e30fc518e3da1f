/** The addresses that a server listens on: TCP with and without TLS, and Unix sockets. */
export { listen } from "./listen.ts";
export { certificateFiles, listenWithTls } from "./tls_listener.ts";
