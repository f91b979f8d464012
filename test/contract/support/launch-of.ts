/** From the body of a request to the task that Mesos is asked to run. */
import { readAppUpdate } from '../../../src/api/read-body.ts';
import { applyChange } from '../../../src/core/app/apply-change.ts';
import { type AppDefinition, portEntries } from '../../../src/core/app/definition.ts';
import { readAppId } from '../../../src/core/app/id-rules.ts';
import { type AppSettings, defaultAppSettings } from '../../../src/core/app/settings.ts';
import { type InstanceId, taskIdOf } from '../../../src/core/ids.ts';
import type { TaskInfo } from '../../../src/core/mesos/types.ts';
import { defaultMatchSettings } from '../../../src/core/offer/demand.ts';
import { isCustomExecutor } from '../../../src/core/offer/needs.ts';
import { buildTaskInfo } from '../../../src/core/offer/task-info.ts';
import { anAgent, ports, scalar, seeded } from '../../core/offer/fixtures.ts';

const settings: AppSettings = {
  ...defaultAppSettings,
  mesosRole: 'marathon',
  defaultNetworkName: 'dcos',
  features: new Set(['secrets', 'external_volumes', 'gpu_resources', 'vips', 'task_killing']),
};

/** The app that a body asks for, or undefined if it is refused. */
export function appOf(body: unknown): AppDefinition | undefined {
  const read = readAppUpdate(body, { requireId: true });
  if (!read.ok) return undefined;
  const id = readAppId(read.value.id ?? '');
  if (!id.ok) return undefined;
  const app = applyChange(undefined, { type: 'create', id: id.value, update: read.value }, settings);
  return app.ok ? app.value : undefined;
}

/** What Mesos is asked to run for the app, its ports being taken from 31000 on. */
export function taskOf(app: AppDefinition): TaskInfo {
  const hostPorts = portEntries(app).map(({ requestedHostPort }, i) =>
    requestedHostPort === undefined ? undefined : requestedHostPort || 31_000 + i,
  );
  const listed = [...new Set(hostPorts)].flatMap((port) => (port === undefined ? [] : [{ begin: port, end: port }]));
  const amount = (name: 'cpus' | 'mem' | 'disk' | 'gpus', more = {}) =>
    Math.round(app[name] * 1000) > 0 ? [scalar(name, app[name], more)] : [];
  return buildTaskInfo({
    app,
    taskId: taskIdOf(`${app.id.slice(1).replaceAll('/', '_')}.instance-${uuid}` as InstanceId, 1),
    agent: anAgent('h'),
    resources: [
      ...amount('cpus', { role: 'marathon', reservation: { principal: 'p', labels: { labels: [] } } }),
      ...amount('mem'),
      ...amount('disk'),
      ...amount('gpus'),
      ...(listed.length === 0 ? [] : [ports(listed)]),
    ],
    executorResources: isCustomExecutor(app) ? [scalar('cpus', 0.1)] : [],
    hostPorts,
    settings: defaultMatchSettings,
    enforceGroupRole: false,
    random: seeded(1),
  });
}

const uuid = '62d0f03f-79aa-11e6-a1a0-660c139c5e15';
