import { ShimmyError } from "../../errors.ts";
import { EmbeddingQueue } from "../embedding/mod.ts";
import type { EngineFlags, NativeGate } from "../native/mod.ts";
import { type LoadedModel, loadModel } from "../loading/mod.ts";
import { Loop } from "../scheduler/mod.ts";
import {
  cannotGenerateError,
  type ContextShape,
  DISK_SAVE_MS,
  type EngineStatus,
  type FromEngineCore,
  type LoadOptions,
  type SequenceRequest,
  serializeError,
  type ToEngineCore,
} from "../protocol/mod.ts";
import { EventBatch } from "./event_batch.ts";
import { macrotaskYield, type Yield } from "./macrotask_yield.ts";
import { WorkLimits } from "./work_limits.ts";
import { IDLE } from "./calls/idle_status.ts";
import { isLong, LongPrompts } from "./calls/long_prompts.ts";
import { hasMedia, MediaPrompts } from "./calls/media_prompts.ts";
import { Replies } from "./calls/replies.ts";
import { detokenize, pieces, tokenize } from "./calls/text_calls.ts";

/** Receiver of the messages of the engine core. */
export type Post = (message: FromEngineCore) => void;

/**
 * Milliseconds of messages between two steps. Most take much less than one; clients that send controls
 * without end must not hold up the answers of others.
 */
const MESSAGES_MS = 100;

/**
 * Runs one model behind the messages of `protocol/`, in a Worker or a child process.
 *
 * Between two steps the core compares the number of announced messages with the number of received
 * ones, and yields to the event loop only while they differ: yielding costs more than all other
 * work of a step outside native code.
 *
 * It reports the beginning and the end of each piece of work through the flags, so that the main
 * thread of the process notices native code that does not return.
 */
export class EngineCore {
  readonly #flags: EngineFlags;
  readonly #gate: NativeGate;
  readonly #post: Post;
  readonly #yield: Yield = macrotaskYield();
  #model: LoadedModel | null = null;
  #loop: Loop | null = null;
  #embeddings: EmbeddingQueue | null = null;
  #events = new EventBatch(0);
  readonly #longPrompts = new LongPrompts();
  readonly #mediaPrompts = new MediaPrompts();
  readonly #replies: Replies;
  #isRunning = false;
  #unloading: Promise<void> | null = null;
  /** Revision of the adapters that was last sent. */
  #sentRevision = 0;
  /** Shape of the context that was last sent. */
  #sentShape: ContextShape | null = null;
  #limits = WorkLimits.NONE;

  constructor(flags: EngineFlags, gate: NativeGate, post: Post) {
    this.#flags = flags;
    this.#gate = gate;
    this.#post = post;
    this.#replies = new Replies(() => this.#model, this.#longPrompts, post);
    // The message with the flags.
    flags.receiveMessage();
  }

  /** Handles a message of the public interface. */
  receive(message: ToEngineCore): void {
    this.#flags.receiveMessage();
    if (message.type === "load") this.#limits = WorkLimits.of(message.options);
    this.#work(this.#limits.message, () => this.#gate.shared(() => this.#handle(message)));
    this.#sendAdapters();
    void this.#run();
  }

  #handle(message: ToEngineCore): void {
    switch (message.type) {
      case "load":
        return this.#load(message.options);
      case "submit":
        this.#submit(message.id, message.request);
        break;
      case "control":
        if (this.#longPrompts.control(message.id, message.control)) break;
        this.#loop?.control(message.id, message.control);
        break;
      case "edit":
        return this.#replies.reply(message.call, () => {
          if (this.#loop === null) throw new ShimmyError("not_found", "The answer has ended");
          const tokens = this.#loop.edit(message.id, message.edit);
          // The events come before the reply.
          this.#flush();
          return tokens;
        });
      case "embed":
        this.#embeddings?.submit(message.call, message.request);
        break;
      case "cancel-embed":
        this.#embeddings?.cancel(message.call);
        break;
      case "adapter":
        return this.#replies.reply(message.call, ({ adapters }) => {
          adapters.change(message.change);
          this.#sendAdapters();
          return adapters.list();
        });
      case "slot":
        return this.#replies.replyAfter(message.call, async ({ info }) => {
          const loop = this.#loop;
          if (loop === null) throw cannotGenerateError(info.kind);
          return await loop.changeSlot(message.change, (work) => this.#native(loop, work));
        });
      case "delete-session":
        return this.#replies.replyAfter(message.call, async ({ info }) => {
          if (this.#loop === null) throw cannotGenerateError(info.kind);
          return await this.#loop.stored.deleteSession(message.session);
        });
      case "tokenize":
        return tokenize(message, this.#replies);
      case "detokenize":
        return detokenize(message, this.#replies);
      case "pieces":
        return pieces(message, this.#replies);
      case "status":
        return this.#replies.reply(message.call, (model) => this.#status(model));
      case "unload":
        this.#unloading ??= this.#unload();
        return;
    }
    this.#flush();
  }

  #load(options: LoadOptions): void {
    try {
      this.#model = loadModel(
        options,
        { flags: this.#flags, gate: this.#gate },
        (fraction) => {
          this.#flags.beginWork(this.#limits.message);
          this.#post({ type: "loading", fraction });
        },
      );
      const { generation, tokenizer, info } = this.#model;
      if (generation !== null) {
        const onNotice = (notice: string) => this.#post({ type: "notice", notice });
        this.#events = new EventBatch(info.streamInterval);
        this.#loop = new Loop(
          generation,
          tokenizer,
          (id, event) => this.#events.add(id, event),
          { onReady: () => void this.#run(), onNotice },
        );
        const { diskCache, sharedStates } = generation;
        if (diskCache !== null) diskCache.onNotice = onNotice;
        if (sharedStates !== null) sharedStates.onNotice = onNotice;
      }
      this.#embeddings = new EmbeddingQueue(
        this.#model,
        (call, value) => this.#post({ type: "reply", call, value }),
        (call, error) => this.#post({ type: "refused", call, error: serializeError(error) }),
        (work, end) =>
          this.#longPrompts.add(async () => {
            await work();
            this.#gate.shared(end);
            void this.#run();
          }),
      );
      this.#sendAdapters();
      this.#sentShape = this.#model.info.shape;
      this.#post({ type: "loaded", info: this.#model.info });
    } catch (error) {
      this.#post({ type: "failed", error: serializeError(error) });
    }
  }

  #submit(id: number, request: SequenceRequest): void {
    if (this.#loop !== null) {
      if (hasMedia(request.prompt)) return this.#submitMedia(id, request);
      if (isLong(request.prompt)) return this.#submitLong(id, request);
      return this.#loop.submit(id, request);
    }
    const error = cannotGenerateError(this.#model?.info.kind ?? "embedding");
    this.#events.add(id, { type: "error", error: serializeError(error) });
  }

  /** Tokenizes the prompt in another thread, so that running sequences do not wait. */
  #submitLong(id: number, request: SequenceRequest): void {
    const { tokenizer } = this.#model!;
    this.#submitLater(
      id,
      () => this.#longPrompts.checkRoom(),
      () =>
        this.#longPrompts.add(async () => {
          const tokens = await tokenizer.encodeAsync(request.prompt, request.addSpecial ?? true)
            .catch(() => undefined);
          // Without tokens the loop tokenizes, and reports the error.
          this.#submitPrepared(id, (loop) => loop.submit(id, request, tokens));
        }),
    );
  }

  /** Reads the images and sounds of the prompt in another thread. Requests without them do not wait. */
  #submitMedia(id: number, request: SequenceRequest): void {
    const { media } = this.#model!;
    const { prompt } = request;
    const isEnded = () => this.#loop === null || this.#longPrompts.isCancelled(id);
    const check = (tokens: number) => this.#loop?.check(request, tokens);
    this.#submitLater(
      id,
      () => this.#mediaPrompts.checkRoom(prompt),
      () =>
        this.#mediaPrompts.add(prompt, async () => {
          try {
            const prepared = await this.#mediaPrompts.prepare(media, request, check, isEnded);
            // The files of the images are not needed any more. A cancelled prompt has one token.
            const { tokens, runs } = prepared ?? { tokens: [0], runs: undefined };
            const isSubmitted = this.#submitPrepared(
              id,
              (loop) => loop.submit(id, { ...request, prompt: [] }, tokens, runs),
            );
            if (!isSubmitted) runs?.release();
          } catch (error) {
            const event = { type: "error", error: serializeError(error) } as const;
            this.#submitPrepared(id, () => this.#events.add(id, event));
          }
        }),
    );
  }

  /** Prepares a sequence beside the loop, and keeps the controls that come meanwhile. */
  #submitLater(id: number, checkRoom: () => void, prepare: () => void): void {
    try {
      checkRoom();
    } catch (error) {
      return this.#events.add(id, { type: "error", error: serializeError(error) });
    }
    this.#longPrompts.keepControls(id);
    prepare();
  }

  /**
   * Submits a sequence that was prepared beside the loop.
   * @returns false if the model is being unloaded.
   */
  #submitPrepared(id: number, submit: (loop: Loop) => void): boolean {
    const controls = this.#longPrompts.takeControls(id);
    const loop = this.#loop;
    if (loop === null) return false;
    this.#gate.shared(() => {
      submit(loop);
      for (const control of controls) loop.control(id, control);
    });
    this.#flush();
    void this.#run();
    return true;
  }

  #status({ adapters, media }: LoadedModel): EngineStatus {
    return {
      ...this.#loop?.status() ?? IDLE,
      loras: adapters.list(),
      embedding: this.#embeddings?.status() ?? null,
      ...(media === null ? {} : { media: { ...media.status, waiting: this.#mediaPrompts.count } }),
    };
  }

  /** Runs native work of a call that has waited. */
  #native<T>(loop: Loop, work: () => T): T {
    if (loop !== this.#loop) throw new ShimmyError("backend", "The model is not loaded");
    return this.#gate.shared(work);
  }

  #sendAdapters(): void {
    if (this.#model === null || this.#model.adapters.revision === this.#sentRevision) return;
    const { adapters } = this.#model;
    this.#sentRevision = adapters.revision;
    this.#post({ type: "adapters", adapters: adapters.list() });
  }

  /** Reports a context that has replaced the former one. */
  #sendShape(): void {
    const shape = this.#loop?.shape ?? null;
    if (shape === null || shape === this.#sentShape) return;
    this.#sentShape = shape;
    this.#post({ type: "context", shape });
  }

  /** Runs steps until there is no work. A message starts it again. */
  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#loop?.hasWork || this.#embeddings?.hasWork) {
      const start = performance.now();
      this.#work(this.#stepLimit(), this.#step);
      this.#sendShape();
      this.#flushIfDue(start);
      if (this.#loop?.stored.isBusy) await this.#yield();
      const begin = performance.now();
      while (this.#model !== null && this.#flags.hasUnreceived) {
        await this.#yield();
        if (performance.now() - begin > MESSAGES_MS) break;
      }
      // Otherwise the other thread could not report its tokens, and a later reply would wait for the end.
      const waiting = this.#longPrompts.count + this.#mediaPrompts.count + this.#replies.waiting;
      if (waiting > 0) await this.#yield();
    }
    this.#isRunning = false;
  }

  readonly #stepInside = () => {
    this.#loop?.step();
    this.#embeddings?.step();
  };

  /** One step of all work. A function made once: the loop calls it for each token. */
  readonly #step = () => this.#gate.shared(this.#stepInside);

  /** Lets the main thread of the process watch a piece of work. */
  #work(limit: number, work: () => void): void {
    this.#flags.beginWork(limit);
    try {
      work();
    } finally {
      this.#flags.endWork();
    }
  }

  #stepLimit(): number {
    const inputLimit = this.#embeddings?.hasWork ? this.#model!.embedder.limit : 0;
    return this.#limits.step(this.#loop?.shape.kvBytes ?? 0, inputLimit);
  }

  /**
   * Sends the events that must not wait for the next step.
   * @param start time at which the last step began
   */
  #flushIfDue(start: number): void {
    const now = performance.now();
    const isQuick = this.#loop?.isDecoding && !this.#embeddings?.hasWork;
    this.#flush(now, isQuick ? now + now - start : Infinity);
  }

  /** Sends the events in one message, at the latest when the next step would end too late for them. */
  #flush(now = performance.now(), nextAt = Infinity): void {
    const events = this.#events.take(now, nextAt);
    if (events !== null) this.#post({ type: "step", events });
  }

  /** Writes states for later processes and other servers, and frees the model. */
  async #unload(): Promise<void> {
    const loop = this.#loop;
    loop?.close();
    this.#flush();
    this.#loop = null;
    this.#embeddings = null;
    await loop?.stored.saveAll(
      performance.now() + DISK_SAVE_MS,
      (work) => this.#gate.shared(work),
    );
    // The other thread reads the vocabulary. More prompts may come meanwhile.
    while (this.#longPrompts.count + this.#mediaPrompts.count > 0) {
      await Promise.all([this.#longPrompts.idle, this.#mediaPrompts.idle]);
    }
    const model = this.#model;
    this.#model = null;
    this.#gate.shared(() => model?.[Symbol.dispose]());
    this.#post({ type: "unloaded" });
  }
}
