import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMetricsRegistry } from '../../../src/infra/metrics/registry.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
import { type Family, parseExposition } from './exposition.ts';

function filled(withProcess: boolean) {
  const clock = createVirtualClock();
  const registry = createMetricsRegistry({ clock, withProcess });
  registry.count('http.requests.size', 10);
  registry.count('http.requests.size', 5);
  registry.count('mesos.calls.revive');
  registry.gauge('apps.active', () => 1);
  registry.gauge('apps.active', () => 7);
  registry.gauge('leadership.duration', () => 1.5);
  registry.mark('http.responses.2xx.rate', 3);
  for (let ms = 1; ms <= 1000; ms += 1) registry.time('http.requests.duration', ms);
  clock.advance(5_000);
  return { registry, clock };
}

const value = (families: ReadonlyMap<string, Family>, name: string): number | undefined =>
  families.get(name)?.samples.find((sample) => sample.name === name && sample.labels === '')?.value;

describe('the JSON', () => {
  it('has Marathon’s names and members', () => {
    const json = JSON.parse(filled(false).registry.renderJson());
    expect(Object.keys(json).sort()).toEqual(['counters', 'gauges', 'histograms', 'meters', 'timers', 'version']);
    expect(json.version).toBe('4.0.0');
    expect(json.counters['marathon.http.requests.size.counter.bytes']).toEqual({ count: 15 });
    expect(json.counters['marathon.mesos.calls.revive.counter']).toEqual({ count: 1 });
    expect(json.gauges['marathon.apps.active.gauge']).toEqual({ value: 7 });
    expect(json.gauges['marathon.leadership.duration.gauge.seconds']).toEqual({ value: 1.5 });
    expect(json.meters['marathon.http.responses.2xx.rate.meter']).toEqual({
      count: 3,
      mean_rate: 0.6,
      m1_rate: 0.6,
      m5_rate: 0.6,
      m15_rate: 0.6,
      units: 'events/second',
    });
    const timer = json.timers['marathon.http.requests.duration.timer.seconds'];
    expect(Object.keys(timer)).toEqual([
      ...['count', 'min', 'mean', 'max', 'stddev', 'p50', 'p75', 'p95', 'p98', 'p99', 'p999'],
      ...['mean_rate', 'm1_rate', 'm5_rate', 'm15_rate', 'duration_units', 'rate_units'],
    ]);
    expect(timer).toMatchObject({ count: 1000, min: 0.001, max: 1, mean_rate: 200, duration_units: 'seconds' });
  });

  it('has a number for a gauge that fails', () => {
    const { registry } = filled(false);
    registry.gauge('broken', () => {
      throw new Error('x');
    });
    expect(JSON.parse(registry.renderJson()).gauges['marathon.broken.gauge']).toEqual({ value: 0 });
  });
});

describe('the Prometheus text', () => {
  it('is valid, with one type for each family and no sample twice', async () => {
    for (const withProcess of [false, true]) {
      const families = parseExposition(await filled(withProcess).registry.renderPrometheus());
      expect(value(families, 'marathon_http_requests_size_counter_bytes')).toBe(15);
      expect(families.get('marathon_mesos_calls_revive_counter')?.type).toBe('counter');
      expect(value(families, 'marathon_leadership_duration_gauge_seconds')).toBe(1.5);
      expect(value(families, 'marathon_http_responses_2xx_rate_meter_count')).toBe(3);
      expect(families.get('marathon_http_responses_2xx_rate_meter_count')?.type).toBe('gauge');
      const timer = families.get('marathon_http_requests_duration_timer_seconds');
      expect(timer?.type).toBe('summary');
      expect(timer?.samples.map(({ name, labels }) => name.slice('marathon_http_requests_'.length) + labels)).toEqual([
        ...['0.5', '0.75', '0.95', '0.98', '0.99', '0.999'].map((q) => `duration_timer_seconds{quantile="${q}"}`),
        'duration_timer_seconds_count',
      ]);
      for (const end of ['min', 'mean', 'max', 'stddev', 'p50', 'p95', 'p999', 'mean_rate', 'm1_rate', 'm15_rate']) {
        expect(families.get(`marathon_http_requests_duration_timer_seconds_${end}`)?.type).toBe('gauge');
      }
    }
  });

  // deviation(different): `jvm.*` metrics
  //   Marathon: the JVM's
  //   here: Node's heap and threads under the same names
  //   why: dashboards stay filled
  it('has what dashboards ask of a JVM, and what prom-client knows', async () => {
    const { registry } = filled(true);
    const observe = registry.histogram('commit_seconds', 'Time of a commit', [0.01, 0.1]);
    observe(0.05);
    const families = parseExposition(await registry.renderPrometheus());
    for (const name of ['marathon_jvm_memory_heap_used_gauge_bytes', 'marathon_jvm_memory_total_used_gauge_bytes']) {
      expect(value(families, name)).toBeGreaterThan(1_000_000);
    }
    expect(value(families, 'marathon_jvm_threads_active_gauge')).toBeGreaterThan(0);
    expect(value(families, 'marathon_jvm_threads_timed_waiting_gauge')).toBe(0);
    expect(value(families, 'marathon_uptime_gauge_seconds')).toBe(5);
    expect([...families.keys()].some((name) => name.startsWith('nodejs_'))).toBe(true);
    expect(families.get('ultramarathon_commit_seconds')?.type).toBe('histogram');
  });

  it('survives names that become equal, and odd values', async () => {
    const { registry } = filled(false);
    registry.gauge('a-b', () => Number.NaN);
    registry.gauge('a.b', () => Number.POSITIVE_INFINITY);
    registry.gauge('c', () => Number.NEGATIVE_INFINITY);
    registry.count('x', 1e300);
    const families = parseExposition(await registry.renderPrometheus());
    expect(value(families, 'marathon_a_b_gauge')).toBeNaN();
    expect(value(families, 'marathon_c_gauge')).toBe(Number.NEGATIVE_INFINITY);
  });

  it('passes promtool where there is one', async () => {
    const promtool = '/usr/bin/promtool';
    const text = await filled(true).registry.renderPrometheus();
    if (!existsSync(promtool)) return;
    const { status, stderr } = spawnSync(promtool, ['check', 'metrics'], { input: text, encoding: 'utf8' });
    // 3 = readable, but lint finds fault with Marathon's names and the lack of help texts; 1 = not readable.
    expect([0, 3], stderr).toContain(status);
  });
});

describe('limits', () => {
  it('stops taking names at some point, and counts them', () => {
    const registry = createMetricsRegistry({ clock: createVirtualClock(), withProcess: false });
    for (let n = 0; n < 6_000; n += 1) registry.count(`name-${n}`);
    const json = JSON.parse(registry.renderJson());
    expect(Object.keys(json.counters)).toHaveLength(5_000);
    expect(json.gauges['marathon.metrics.dropped.gauge']).toEqual({ value: 1_000 });
  });
});
