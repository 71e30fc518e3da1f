/** A collector of OpenTelemetry on loopback: takes OTLP over HTTP with protobuf, and decodes it. */
import { encodeHex } from "@std/encoding/hex";
import protobuf from "test:protobufjs";

/**
 * The messages that are read, with the field numbers of opentelemetry-proto 1.x. Other fields are skipped,
 * as protobuf specifies.
 */
const SCHEMA = `
  syntax = "proto3";
  message Any {
    oneof value {
      string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
      List array_value = 5;
    }
  }
  message List { repeated Any values = 1; }
  message Pair { string key = 1; Any value = 2; }
  message Resource { repeated Pair attributes = 1; }
  message Traces { repeated ResourceSpans resources = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scopes = 2; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
    string name = 5; int32 kind = 6; fixed64 start = 7; fixed64 end = 8;
    repeated Pair attributes = 9; Status status = 15;
  }
  message Status { int32 code = 3; }
  message Metrics { repeated ResourceMetrics resources = 1; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scopes = 2; }
  message ScopeMetrics { repeated Metric metrics = 2; }
  message Metric {
    string name = 1; string unit = 3;
    oneof data { Points gauge = 5; Sum sum = 7; Histogram histogram = 9; }
  }
  message Points { repeated Point points = 1; }
  message Sum { repeated Point points = 1; int32 temporality = 2; bool is_monotonic = 3; }
  message Point {
    oneof value { double as_double = 4; sfixed64 as_int = 6; }
    repeated Pair attributes = 7;
  }
  message Histogram { repeated HistogramPoint points = 1; int32 temporality = 2; }
  message HistogramPoint {
    fixed64 count = 4; double sum = 5; repeated fixed64 buckets = 6; repeated double bounds = 7;
    repeated Pair attributes = 9;
  }
`;

type Attributes = Readonly<Record<string, unknown>>;

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: the span is the root of its trace. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** 1: internal, 2: server. */
  readonly kind: number;
  /** Nanoseconds since the epoch. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Attributes;
  /** 2: error. */
  readonly status: number;
}

export interface CollectedPoint {
  readonly attributes: Attributes;
  readonly value?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly buckets?: readonly number[];
  readonly bounds?: readonly number[];
}

export interface CollectedMetric {
  readonly name: string;
  readonly unit: string;
  readonly type: "gauge" | "sum" | "histogram";
  readonly isMonotonic: boolean;
  /** Of the latest export. */
  readonly points: readonly CollectedPoint[];
}

/** A request that the collector got. */
interface Export {
  readonly path: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

export class CollectorDouble implements AsyncDisposable {
  readonly spans: CollectedSpan[] = [];
  readonly metrics = new Map<string, CollectedMetric>();
  readonly exports: Export[] = [];
  /** Attributes of the latest resource. */
  resource: Attributes = {};
  /** Status of the responses; only with 200, the request is decoded. */
  status = 200;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #types = protobuf.parse(SCHEMA).root;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#take(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The spans of a name. */
  named(name: string): CollectedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #take(request: Request): Promise<Response> {
    const body = await request.bytes();
    const { pathname: path } = new URL(request.url);
    this.exports.push({ path, headers: request.headers, body });
    if (this.status === 200 && path === "/v1/traces") this.#takeTraces(body);
    else if (this.status === 200 && path === "/v1/metrics") this.#takeMetrics(body);
    return new Response(null, { status: this.status });
  }

  #takeTraces(body: Uint8Array): void {
    for (const { resource, scopes } of this.#decode("Traces", body).resources) {
      this.resource = attributesOf(resource.attributes);
      for (const { spans } of scopes) this.spans.push(...spans.map(toSpan));
    }
  }

  #takeMetrics(body: Uint8Array): void {
    for (const { resource, scopes } of this.#decode("Metrics", body).resources) {
      this.resource = attributesOf(resource.attributes);
      for (const { metrics } of scopes) {
        for (const metric of metrics) this.metrics.set(metric.name, toMetric(metric));
      }
    }
  }

  // deno-lint-ignore no-explicit-any
  #decode(type: string, body: Uint8Array): any {
    const decoder = this.#types.lookupType(type);
    return decoder.toObject(decoder.decode(body), {
      longs: String,
      arrays: true,
      objects: true,
      oneofs: true,
    });
  }
}

const hex = (bytes: Uint8Array | undefined) => encodeHex(new Uint8Array(bytes ?? []));

// deno-lint-ignore no-explicit-any
function toSpan(span: any): CollectedSpan {
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    traceState: span.traceState ?? "",
    name: span.name,
    kind: span.kind,
    start: BigInt(span.start),
    end: BigInt(span.end),
    attributes: attributesOf(span.attributes),
    status: span.status?.code ?? 0,
  };
}

// deno-lint-ignore no-explicit-any
function toMetric({ name, unit = "", data, ...metric }: any): CollectedMetric {
  const { points, isMonotonic = false } = metric[data];
  return {
    name,
    unit,
    type: data,
    isMonotonic,
    // deno-lint-ignore no-explicit-any
    points: points.map(({ value, attributes, ...point }: any) => ({
      attributes: attributesOf(attributes),
      ...(data === "histogram"
        ? {
          count: Number(point.count),
          sum: point.sum,
          buckets: point.buckets.map(Number),
          bounds: point.bounds,
        }
        : { value: Number(point[value]) }),
    })),
  };
}

// deno-lint-ignore no-explicit-any
function attributesOf(pairs: any[]): Attributes {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]));
}

// deno-lint-ignore no-explicit-any
function plain({ value, ...any }: any): unknown {
  if (value === "arrayValue") return any.arrayValue.values.map(plain);
  return value === "intValue" ? Number(any.intValue) : any[value];
}
