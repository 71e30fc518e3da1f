// One file for both: the command line, and the engine's thread, which a bundle starts from itself.
// Nothing is imported before it is known which of the two this is.

declare const WorkerGlobalScope: (new () => unknown) | undefined;

const isThread = typeof WorkerGlobalScope !== "undefined" &&
  globalThis instanceof WorkerGlobalScope;

if (isThread) {
  // A message that comes before the thread listens would be lost: from source, importing takes a while.
  const scope = globalThis as unknown as { onmessage: (event: MessageEvent) => void };
  const early: MessageEvent[] = [];
  scope.onmessage = (event) => early.push(event);
  await import("./src/engine/process/thread_main.ts");
  for (const event of early) scope.onmessage(event);
} else if (import.meta.main) {
  const [{ main }, { processEnvironment }] = await Promise.all([
    import("./src/cli/main.ts"),
    import("./src/cli/process_environment.ts"),
  ]);
  Deno.exit(await main(Deno.args, processEnvironment()));
}
