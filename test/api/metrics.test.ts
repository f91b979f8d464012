import { describe, expect, it } from 'vitest';
import { fakeApp } from '../support/fake-front.ts';
import { ask, listeningApi, RawClient, testApi } from './support/api-server.ts';

describe('/metrics', () => {
  // deviation(different): `/metrics`
  //   Marathon: JSON
  //   here: JSON; Prometheus' text if `Accept` asks for it
  //   why: scrapers need no path of their own
  it.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['text/plain', 'application/json'],
    ['application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 'text/plain'],
    ['text/plain;version=0.0.4', 'text/plain'],
  ])('answers Accept: %s with %s', async (accept, type) => {
    const { server } = testApi();
    const answer = await server.inject({ url: '/metrics', headers: accept === undefined ? {} : { accept } });
    expect(answer.headers['content-type']).toContain(type);
  });

  it('is text at /metrics/prometheus whatever is accepted', async () => {
    const answer = await testApi().server.inject({
      url: '/metrics/prometheus',
      headers: { accept: 'application/json' },
    });
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.body).toMatch(/^# TYPE marathon_/);
  });

  it('counts requests, sizes, classes and times, cached answers included', async () => {
    const { port, front, metrics } = await listeningApi();
    front.addApp(fakeApp('/web'));
    const apps = await ask(port, { path: '/v2/apps' });
    await ask(port, { path: '/v2/none' });
    await ask(port, { path: '/v2/apps', headers: { 'if-none-match': String(apps.headers.etag) } });
    await ask(port, { method: 'POST', path: '/v2/apps', body: '{}', headers: { 'content-length': '2' } });
    await ask(port, { path: '/v2/apps/%zz' });
    const json = JSON.parse(metrics.renderJson());
    expect(json.meters['marathon.http.responses.2xx.rate.meter'].count).toBe(1);
    expect(json.meters['marathon.http.responses.3xx.rate.meter'].count).toBe(1);
    expect(json.meters['marathon.http.responses.4xx.rate.meter'].count).toBe(2);
    expect(json.timers['marathon.http.requests.duration.timer.seconds'].count).toBe(4);
    expect(json.timers['marathon.http.requests.post.duration.timer.seconds'].count).toBe(1);
    expect(json.counters['marathon.http.requests.size.counter.bytes']).toEqual({ count: 2 });
    expect(json.counters['marathon.http.responses.size.counter.bytes'].count).toBeGreaterThan(apps.body.length);
    expect(json.gauges['marathon.http.requests.active.gauge']).toEqual({ value: 0 });
  });

  it('counts compressed bytes apart, and forgets an event stream as a request', async () => {
    const { port, front, metrics } = await listeningApi();
    front.addApp(fakeApp('/web', { labels: { text: 'x'.repeat(2_000) } }));
    const { headers } = await ask(port, { path: '/v2/apps', headers: { 'accept-encoding': 'gzip' } });
    const stream = new RawClient(port, 'GET /v2/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
    await stream.until(({ text }) => text.includes('event_stream_attached'));
    const json = JSON.parse(metrics.renderJson());
    const length = Number(headers['content-length']);
    expect(length).toBeLessThan(2_000);
    expect(json.counters['marathon.http.responses.size.gzipped.counter.bytes']).toEqual({ count: length });
    expect(json.counters['marathon.http.responses.event-stream.size.counter.bytes'].count).toBeGreaterThan(100);
    expect(json.gauges['marathon.http.requests.active.gauge']).toEqual({ value: 0 });
    expect(json.gauges['marathon.http.event-streams.active.gauge']).toEqual({ value: 1 });
  });
});
