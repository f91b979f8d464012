/**
 * What is sent to Mesos, against the definitions of its protocol: a real Mesos drops fields it does not know in silence and refuses a whole
 * call for one value of the wrong kind.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { componentSchemas } from '../../src/api/openapi/document.ts';
import { appBodyWithId } from '../../src/api/schemas/app.ts';
import type { AppDefinition } from '../../src/core/app/definition.ts';
import { createCallEncoder, encodeSubscribe } from '../../src/infra/mesos/calls.ts';
import { mistakesIn, mistakesInCall, mistakesInText } from '../support/mesos-proto/check.ts';
import { isLong } from '../support/stack.ts';
import { good } from './support/bodies.ts';
import { appOf, taskOf } from './support/launch-of.ts';
import { type RequestEntry, readRecording, recordingNames } from './transcripts/recording.ts';

const fixtures = JSON.parse(
  readFileSync(new URL('./fixtures/app-requests.fixture.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, unknown>>;

const encoder = createCallEncoder('f-0000');
/** Mistakes in the ACCEPT that launches the app. */
const mistakesInLaunch = (app: AppDefinition): readonly string[] =>
  mistakesInText(encoder.accept(['o-1'], [taskOf(app)], 5));

/** Calls of the recordings that a real Mesos took; those about refusals hold mistakes on purpose. */
const taken: readonly (readonly [name: string, body: object])[] = recordingNames.flatMap((name) => {
  const { entries } = readRecording(name);
  const good = new Set(entries.flatMap((e) => ('response' in e && e.status < 300 ? [e.response] : [])));
  return entries.flatMap((entry) =>
    isSchedulerCall(entry as RequestEntry) && good.has((entry as RequestEntry).request)
      ? [[name, withoutNames((entry as RequestEntry).body) as object] as const]
      : [],
  );
});

function isSchedulerCall({ request, path, body }: RequestEntry): boolean {
  return request !== undefined && path?.endsWith('/api/v1/scheduler') && typeof body === 'object' && body !== null;
}

/** Members that hold the same message wherever Mesos tells them in the new words. */
const told: Readonly<Record<string, string>> = {
  resources: 'Resource',
  allocated_resources: 'Resource',
  labels: 'Labels',
  framework_info: 'FrameworkInfo',
  executor_info: 'ExecutorInfo',
};

/** Names of bytes become bytes. */
function withoutNames(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body).replaceAll(/"\{b\d+\}"/g, '"AAAAAAAAAAAAAAAAAAAAAA=="'));
}

describe('the definitions of the protocol', () => {
  it('know every field of the calls that a real Mesos was sent and took', () => {
    expect(taken.length).toBeGreaterThan(100);
    const refused = /^04|^07/;
    // A slip of whoever recorded it: an unknown value, which Mesos took for none.
    const slip = /(http|tcp)\.protocol: "IPV4" is no IpProtocol$/;
    for (const [name, body] of taken) {
      if (refused.test(name)) continue;
      expect([name, mistakesInCall(body).filter((mistake) => !slip.test(mistake))]).toEqual([name, []]);
    }
  });

  it('know every field of what a real Mesos tells of tasks, frameworks and offers', () => {
    const seen = new Map<string, number>();
    const look = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [name, member] of Object.entries(value)) {
        const message = told[name];
        const list = Array.isArray(member) ? member : [member];
        // Lists of labels lie in an object of the same name.
        if (message && (message === 'Resource') === Array.isArray(member)) {
          for (const one of list) expect([message, mistakesIn(message, withoutNames(one))]).toEqual([message, []]);
          seen.set(message, (seen.get(message) ?? 0) + list.length);
        }
        look(member);
      }
    };
    for (const name of recordingNames) {
      const { entries } = readRecording(name);
      const operator = new Set(entries.flatMap((e) => ('path' in e && e.path === '/api/v1' ? [e.request] : [])));
      for (const entry of entries) {
        if ('event' in entry) look(entry.event);
        if ('response' in entry && operator.has(entry.response)) look(entry.body);
      }
    }
    expect([...seen.keys()].sort()).toEqual([...new Set(Object.values(told))].sort());
    expect(seen.get('Resource')).toBeGreaterThan(50);
  });

  it.each([
    ['a field of another spelling', { healthCheck: {} }, /no such field/],
    ['a text for a number', { health_check: { tcp: { port: '80' } } }, /no uint32/],
    ['a number beyond an integer', { kill_policy: { grace_period: { nanoseconds: 1e30 } } }, /no int64/],
    ['a fraction for an integer', { health_check: { consecutive_failures: 1.5 } }, /no uint32/],
    ['an unknown value', { container: { type: 'RKT' } }, /no ContainerType/],
    ['a missing field', { command: { uris: [{}] } }, /uris\[0\]\.value: is required/],
    ['one value for a list', { command: { arguments: 'a' } }, /is no list/],
    ['half a character', { name: 'a\ud800' }, /surrogate/],
  ])('find %s', (_what, change, mistake) => {
    const task = { name: 'a', task_id: { value: 'a' }, agent_id: { value: 'a' }, resources: [] };
    expect(mistakesIn('TaskInfo', task)).toEqual([]);
    expect(mistakesIn('TaskInfo', { ...task, ...change }).join()).toMatch(mistake);
  });
});

describe('every call', () => {
  const framework = {
    name: 'm',
    user: 'u',
    roles: ['*', 'a'],
    failover_timeout: 604_800,
    checkpoint: true,
    hostname: 'h',
    webui_url: 'http://h',
    principal: 'p',
    capabilities: ['PARTITION_AWARE', 'REGION_AWARE', 'MULTI_ROLE', 'TASK_KILLING_STATE', 'GPU_RESOURCES'].map(
      (type) => ({ type }),
    ),
  };
  const task = { taskId: 't', agentId: 'a' };
  const { agentId: _, ...unplaced } = { ...task };

  it.each([
    ['SUBSCRIBE', encodeSubscribe(framework, undefined)],
    ['SUBSCRIBE again', encodeSubscribe(framework, 'f')],
    ['DECLINE', encoder.decline(['o', 'p'], 120)],
    ['KILL', encoder.kill(task)],
    ['KILL of a task on an unknown agent', encoder.kill({ ...unplaced, agentId: undefined })],
    ['ACKNOWLEDGE', encoder.acknowledge('t', 'a', 'AAAAAAAAAAAAAAAAAAAAAA==')],
    ['RECONCILE', encoder.reconcile([task, { taskId: 'u', agentId: undefined }])],
    ['RECONCILE of everything', encoder.reconcile([])],
    ['REVIVE', encoder.revive(['a'])],
    ['REVIVE of all', encoder.revive([])],
    ['SUPPRESS', encoder.suppress(['a'])],
    ['DECLINE_INVERSE_OFFERS', encoder.declineInverseOffers(['o'], 300)],
    ['UPDATE_FRAMEWORK', encoder.updateFramework(framework)],
    ['UPDATE_FRAMEWORK with suppressed roles', encoder.updateFramework(framework, ['a'])],
    ['TEARDOWN', encoder.teardown()],
  ])('%s is as defined', (_name, text) => {
    expect(mistakesInText(text)).toEqual([]);
  });
});

describe('every launch', () => {
  it.each(Object.keys(fixtures))('of %s is as defined', (name) => {
    const bodies = fixtures[name];
    for (const body of Array.isArray(bodies) ? bodies : [bodies]) {
      const app = appOf(body);
      if (app) expect(mistakesInLaunch(app)).toEqual([]);
    }
  });

  it('has whole characters only: half of one would make a real Mesos refuse everything in the same call', () => {
    const half = 'a\\ud800 \ud800b\udc00';
    const app = appOf({
      id: '/a',
      cmd: half,
      env: { [half]: half },
      labels: { [half]: half },
      portDefinitions: [{ port: 0, labels: { [half]: half } }],
    });
    expect(mistakesIn('TaskInfo', taskOf(app!)).join()).toMatch(/surrogate/);
    expect(mistakesInLaunch(app!)).toEqual([]);
    const { accept } = JSON.parse(encoder.accept(['o'], [taskOf(app!)], 5));
    // What looks like half a character and is none stays as it is.
    expect(accept.operations[0].launch.task_infos[0].command.value).toBe('a\\ud800 \ufffdb\ufffd');
  });

  it('of whatever the API takes is as defined', () => {
    const count = { launched: 0 };
    const bodies = good(appBodyWithId, componentSchemas);
    fc.assert(
      fc.property(bodies, (body) => {
        const app = appOf(body);
        if (!app) return;
        count.launched += 1;
        expect(mistakesInLaunch(app)).toEqual([]);
      }),
      { numRuns: isLong ? 20_000 : 1_000, seed: 7 },
    );
    expect(count.launched).toBeGreaterThan(isLong ? 400 : 20);
  });
});
