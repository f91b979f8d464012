/** How the page derives status and health (web-ui §1.2). */
import { describe, expect, it } from 'vitest';

interface Status {
  readonly appStatus: (app: object, queued?: object) => { readonly word: string; readonly hint: string };
  readonly healthParts: (app: object) => readonly { readonly kind: string; readonly count: number }[];
  readonly healthText: (app: object) => string;
  readonly taskHealth: (task: object) => string;
  readonly taskLinks: (task: object) => readonly { readonly href: string }[];
  readonly duration: (seconds: number) => string;
}

const { appStatus, healthParts, healthText, taskHealth, taskLinks, duration }: Status = await import(
  new URL('../../ui/status.js', import.meta.url).href
);

const counts = { instances: 2, tasksRunning: 0, tasksStaged: 0, tasksHealthy: 0, tasksUnhealthy: 0, deployments: [] };
const deploying = { deployments: [{ id: 'd' }] };

describe('the status of an app', () => {
  it.each<[string, object, object | undefined]>([
    ['Running', { tasksRunning: 1 }, undefined],
    ['Starting', {}, undefined],
    ['Suspended', { instances: 0 }, undefined],
    ['Running', { instances: 0, tasksRunning: 1 }, undefined],
    ['Deploying', { tasksRunning: 2, ...deploying }, undefined],
    ['Deploying', { instances: 0, ...deploying }, undefined],
    ['Waiting', deploying, { delay: { overdue: true, timeLeftSeconds: 0 } }],
    ['Delayed', { tasksRunning: 1, ...deploying }, { delay: { overdue: false, timeLeftSeconds: 75 } }],
    ['Running', { tasksRunning: 1 }, {}],
  ])('is %s for %j with the queue entry %j', (word, over, queued) => {
    expect(appStatus({ ...counts, ...over }, queued).word).toBe(word);
  });

  it('tells how long it is delayed', () => {
    const { hint } = appStatus(counts, { delay: { overdue: false, timeLeftSeconds: 75 } });
    expect(hint).toBe('Task execution failed, delayed for 1 min');
  });
});

describe('the health of an app', () => {
  it.each<[string, object]>([
    ['2 unscheduled', {}],
    ['no instances', { instances: 0 }],
    ['1 healthy, 1 unknown', { tasksRunning: 2, tasksHealthy: 1 }],
    [
      '1 healthy, 1 unhealthy, 1 staged, 1 over capacity',
      { tasksRunning: 2, tasksHealthy: 1, tasksUnhealthy: 1, tasksStaged: 1 },
    ],
    ['3 healthy, 1 over capacity', { tasksRunning: 2, tasksHealthy: 3 }],
  ])('reads %s for %j', (text, over) => {
    expect(healthText({ ...counts, ...over })).toBe(text);
  });

  it('always has the six parts in the same order', () => {
    const kinds = healthParts(counts).map(({ kind }) => kind);
    expect(kinds).toEqual(['healthy', 'unhealthy', 'unknown', 'staged', 'overCapacity', 'unscheduled']);
  });
});

describe('a task', () => {
  it.each<[string, object]>([
    ['unknown', {}],
    ['unknown', { healthCheckResults: [] }],
    ['healthy', { healthCheckResults: [{ alive: true, firstSuccess: 'x' }] }],
    ['unhealthy', { healthCheckResults: [{ alive: true }] }],
    [
      'unhealthy',
      {
        healthCheckResults: [
          { alive: true, firstSuccess: 'x' },
          { alive: false, firstSuccess: 'x' },
        ],
      },
    ],
  ])('is %s for %j', (word, task) => {
    expect(taskHealth(task)).toBe(word);
  });

  it.each<[unknown, unknown, readonly string[]]>([
    ['host-1.example', [80, 8080], ['http://host-1.example:80', 'http://host-1.example:8080']],
    ['::1', [80], ['http://[::1]:80']],
    ['user@host', [80], []],
    ['host/path', [80], []],
    ['host', ['80/x?y'], []],
    ['host', [], []],
    ['', [80], []],
  ])('on %j with ports %j links to %j', (host, ports, links) => {
    expect(taskLinks({ host, ports }).map(({ href }) => href)).toEqual(links);
  });
});

describe('a duration', () => {
  it.each([
    [0, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [7_200, '2 h'],
    [200_000, '2 d'],
  ])('of %i seconds reads %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});
