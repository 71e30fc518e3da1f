// One file for all: the command line, and the threads of the engine and of the preparation of requests,
// which a bundle starts from itself. Nothing is imported before it is known which of them this is.

declare const WorkerGlobalScope: (new () => unknown) | undefined;

const isThread = typeof WorkerGlobalScope !== "undefined" &&
  globalThis instanceof WorkerGlobalScope;

if (isThread) {
  // A message that comes before the thread listens would be lost: from source, importing takes a while.
  const scope = globalThis as unknown as {
    readonly name: string;
    onmessage: (event: MessageEvent) => void;
  };
  const early: MessageEvent[] = [];
  scope.onmessage = (event) => early.push(event);
  if (scope.name === "shimmy-preparation") await import("./src/chat/preparation/thread_main.ts");
  else if (scope.name === "shimmy-preparation-host") {
    await import("./src/chat/preparation/host_main.ts");
  } else if (scope.name === "shimmy-rpc-tunnel") await import("./src/rpc/tunnel/thread_main.ts");
  else if (scope.name === "shimmy-webp") await import("./src/engine/webp/thread_main.ts");
  else if (scope.name === "shimmy-shared-states") {
    await import("./src/engine/shared_states/thread_main.ts");
  } else await import("./src/engine/process/thread_main.ts");
  for (const event of early) scope.onmessage(event);
} else if (import.meta.main) {
  const [{ main }, { processEnvironment }] = await Promise.all([
    import("./src/cli/main.ts"),
    import("./src/cli/process_environment.ts"),
  ]);
  Deno.exit(await main(Deno.args, processEnvironment()));
}
