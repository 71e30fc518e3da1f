import { type Attributes, type HrTime, ValueType } from "@opentelemetry/api";
import { hrTime } from "@opentelemetry/core";
import { emptyResource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";

/** A metric as prom-client's `getMetricsAsJSON` returns it. */
export interface PrometheusMetric {
  readonly name: string;
  readonly help: string;
  /** prom-client declares an enumeration here and returns its names in lower case. */
  readonly type: unknown;
  readonly values: readonly PrometheusValue[];
}

/** A sample. In a histogram, `metricName` tells a bucket, the sum and the count apart. */
export interface PrometheusValue {
  readonly value: number;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly metricName?: string;
}

/** The metrics of `/metrics`, under the same names, as the metrics SDK exports them. */
export class PrometheusMetrics implements MetricProducer {
  readonly #read: () => Promise<readonly PrometheusMetric[]>;
  readonly #scope: { readonly name: string; readonly version: string };
  readonly #start = hrTime();

  constructor(
    read: () => Promise<readonly PrometheusMetric[]>,
    scope: { readonly name: string; readonly version: string },
  ) {
    this.#read = read;
    this.#scope = scope;
  }

  async collect(): Promise<CollectionResult> {
    const times = { startTime: this.#start, endTime: hrTime() };
    const metrics = (await this.#read()).map((metric) => converted(metric, times));
    return {
      resourceMetrics: {
        resource: emptyResource(),
        scopeMetrics: [{ scope: this.#scope, metrics: metrics.filter(hasData) }],
      },
      errors: [],
    };
  }
}

interface Times {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

function hasData({ dataPoints }: MetricData): boolean {
  return dataPoints.length > 0;
}

function converted({ name, help, type, values }: PrometheusMetric, times: Times): MetricData {
  const shared = {
    descriptor: { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (type === "histogram") {
    const dataPoints = histograms(name, values, times);
    return { ...shared, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = values.map(({ value, labels }) => ({
    ...times,
    attributes: attributesOf(labels),
    value,
  }));
  return type === "counter"
    ? { ...shared, dataPointType: DataPointType.SUM, dataPoints, isMonotonic: true }
    : { ...shared, dataPointType: DataPointType.GAUGE, dataPoints };
}

/** The unit that the name of a metric tells, as Prometheus' conventions have it. */
function unitOf(name: string): string {
  if (name.endsWith("_seconds")) return "s";
  return name.endsWith("_bytes") ? "By" : "";
}

function attributesOf(labels: PrometheusValue["labels"]): Attributes {
  return Object.fromEntries(
    Object.entries(labels).filter(([, value]) => value !== undefined),
  ) as Attributes;
}

/** One data point for each set of labels. Prometheus' buckets count all smaller values too. */
function histograms(
  name: string,
  values: readonly PrometheusValue[],
  times: Times,
): DataPoint<Histogram>[] {
  const series = new Map<string, Series>();
  for (const { value, labels: { le, ...labels }, metricName } of values) {
    const key = JSON.stringify(labels);
    const one = series.get(key) ?? { labels, bounds: [], cumulative: [], sum: 0, count: 0 };
    series.set(key, one);
    if (metricName === `${name}_sum`) one.sum = value;
    else if (metricName === `${name}_count`) one.count = value;
    else if (le !== "+Inf") {
      one.bounds.push(Number(le));
      one.cumulative.push(value);
    }
  }
  return [...series.values()].map(({ labels, bounds, cumulative, sum, count }) => ({
    ...times,
    attributes: attributesOf(labels),
    value: {
      buckets: {
        boundaries: bounds,
        counts: [...cumulative, count].map((upTo, at) => upTo - (cumulative[at - 1] ?? 0)),
      },
      sum,
      count,
    },
  }));
}

/** The samples of a histogram with the same labels. */
interface Series {
  readonly labels: PrometheusValue["labels"];
  readonly bounds: number[];
  /** For each bound, the number of values that are not larger. */
  readonly cumulative: number[];
  sum: number;
  count: number;
}
