import { wholePool } from "../../../access/mod.ts";
import type { Activity } from "../../../activity/mod.ts";
import {
  eventStream,
  type Exchange,
  type RouteCode,
  type ServerContext,
} from "../../../http/mod.ts";
import { activityEvent, changeEvent, type NamedEvent, statusEvent } from "./event_json.ts";
import { eventSchemas } from "./schema.ts";
import { isVisible, StatusFeed } from "./status_feed.ts";

/** `GET /api/events`: what happens on the server, from now on. */
export const followEvents: RouteCode = {
  events: eventSchemas,
  handle: follow,
};

/** One feed for each server: its snapshots are shared by all listeners. */
const feeds = new WeakMap<Activity, StatusFeed>();

function feedOf({ pool }: ServerContext, activity: Activity): StatusFeed {
  const known = feeds.get(activity);
  if (known !== undefined) return known;
  const feed = new StatusFeed(wholePool(pool));
  feeds.set(activity, feed);
  return feed;
}

function follow(exchange: Exchange): Response {
  const { context, key, signal } = exchange;
  const { keyring, settings, stopping, replaced } = context;
  const activity = context.activity!;
  const patterns = key?.models;
  const stream = eventStream({ keepAliveMs: settings.keepAliveMs });
  let isHeld = false;
  let missed = 0;
  exchange.onHold((held) => isHeld = held);
  const send = (named: NamedEvent | null) => {
    if (named === null) return;
    if (isHeld) return void missed++;
    stream.event({ event: named.event, data: JSON.stringify(named.data) });
    stream.flush();
  };
  const open = new DisposableStack();
  const end = () => open.dispose();
  open.defer(() => stream.end());
  open.defer(activity.listen((event) => send(activityEvent(event, patterns))));
  for (const event of activity.recent) send(activityEvent(event, patterns));
  open.defer(
    feedOf(context, activity).subscribe((snapshot) => {
      // A key may expire or be revoked while the connection is open.
      if (key !== null && keyring!.invalidity(key) !== null) return end();
      for (const change of snapshot.changes) {
        if (isVisible(patterns, change)) send(changeEvent(change));
      }
      const pulls = patterns === undefined ? activity.pulls : [];
      send(statusEvent({ ...snapshot, patterns, pulls, missed }));
    }),
  );
  for (const one of [signal, stopping, replaced]) {
    one?.addEventListener("abort", end);
    open.defer(() => one?.removeEventListener("abort", end));
  }
  if (signal.aborted || replaced?.aborted) end();
  return stream.response;
}
