/** POST /api/v1 of the master: the operator API (mesos-v1 §6.5; recordings 12, 15). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EventStream } from '../master/event-stream.ts';
import type { MachineId, Window } from '../master/maintenance.ts';
import type { Master } from '../master/master.ts';
import type { Agent, MasterState } from '../master/model.ts';
import type { Happening } from '../master/watchers.ts';
import { readBody, sendEmpty, sendJson, sendText, sendWrongMethod } from './answers.ts';
import { type ApiCall, parseApiCall } from './api-call.ts';
import { compile, enumOf, opaque } from './convert.ts';
import { expressed } from './express.ts';
import { answerFilesCall, type FilesCall, filesCalls } from './files-calls.ts';
import { metricsView } from './metrics.ts';
import { acceptsJson } from './scheduler-endpoint.ts';
import type { Endpoint } from './server.ts';
import { agentV1, frameworkV1, masterTaskV1, reads, statusV1 } from './v1-views.ts';
import { flagsView, maxOperatorStreams, versionView } from './views.ts';

/** A refusal, or nothing. */
type Outcome = { readonly status: number; readonly text: string } | undefined;

/** Types of calls that exist; others read as no type at all. Those that are not answered below are 501. */
const callTypes: ReadonlySet<string> = new Set(
  (
    'GET_HEALTH GET_FLAGS GET_VERSION GET_METRICS GET_LOGGING_LEVEL SET_LOGGING_LEVEL LIST_FILES READ_FILE GET_STATE ' +
    'GET_AGENTS GET_FRAMEWORKS GET_EXECUTORS GET_OPERATIONS GET_TASKS GET_ROLES GET_WEIGHTS UPDATE_WEIGHTS GET_MASTER ' +
    'SUBSCRIBE RESERVE_RESOURCES UNRESERVE_RESOURCES CREATE_VOLUMES DESTROY_VOLUMES GROW_VOLUME SHRINK_VOLUME ' +
    'GET_MAINTENANCE_STATUS GET_MAINTENANCE_SCHEDULE UPDATE_MAINTENANCE_SCHEDULE START_MAINTENANCE STOP_MAINTENANCE ' +
    'GET_QUOTA UPDATE_QUOTA SET_QUOTA REMOVE_QUOTA TEARDOWN MARK_AGENT_GONE DRAIN_AGENT DEACTIVATE_AGENT ' +
    'REACTIVATE_AGENT'
  ).split(' '),
);

/** Calls that mean nothing without a body of their own. */
const needsBody = (type: string): boolean =>
  type === 'GET_METRICS' || (type !== 'SUBSCRIBE' && !type.startsWith('GET_'));

const schema = compile({
  type: enumOf([...callTypes]),
  ...filesCalls,
  ...Object.fromEntries(
    [...callTypes]
      .filter((type) => needsBody(type) && !Object.hasOwn(filesCalls, type.toLowerCase()))
      .map((type) => [type.toLowerCase(), opaque]),
  ),
});

/** Files lie below `sandboxRoot`, if there are any. */
export function operatorEndpoint(master: Master, hasCredentials: boolean, sandboxRoot: string | undefined): Endpoint {
  const streams = new Set<EventStream>();
  return (req, res) => {
    if (req.method !== 'POST') {
      sendWrongMethod(res, 'POST', req.method ?? '');
      return;
    }
    readBody(req, res, (body) => {
      const call = parse(req, res, body);
      if (call === undefined) return;
      const { type } = call;
      if (type === 'SUBSCRIBE') follow(master, streams, res);
      else if (type === 'GET_FLAGS')
        sendJson(res, { type, get_flags: { flags: pairs(flagsView(master.state, hasCredentials)) } });
      else if (type === 'LIST_FILES' || type === 'READ_FILE') {
        void answerFilesCall(sandboxRoot, type, call[type.toLowerCase()] as FilesCall, res);
      } else answer(master, type, call, res);
    });
  };
}

/** The call, or undefined when the request has been refused. */
function parse(req: IncomingMessage, res: ServerResponse, body: Buffer): ApiCall | undefined {
  const parsed = parseApiCall(req.headers['content-type'], body, schema, {
    name: 'master::Call',
    mediaTypes: 'application/json or application/x-protobuf',
    needsBody,
  });
  if ('refusal' in parsed) sendText(res, parsed.status, parsed.refusal);
  else if (!acceptsJson(req.headers.accept)) {
    sendText(res, 406, `Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'`);
  } else return parsed.call;
  return undefined;
}

function answer(master: Master, type: string, call: ApiCall, res: ServerResponse): void {
  const { state } = master;
  const bodyName = type.toLowerCase();
  const show = (body: object | undefined): void =>
    sendJson(res, body === undefined ? { type } : { type, [bodyName]: body });
  const read = Object.hasOwn(reads, type) ? reads[type] : undefined;
  if (read !== undefined) show(read(state));
  else if (type === 'GET_VERSION') show({ version_info: versionView });
  else if (type === 'GET_METRICS') show({ metrics: pairs(metricsView(state)) });
  else if (type === 'GET_MAINTENANCE_STATUS') show({ status: master.maintenance.status() });
  else if (type === 'GET_MAINTENANCE_SCHEDULE') show({ schedule: master.maintenance.schedule() });
  else {
    const write = Object.hasOwn(writes, type) ? writes[type] : undefined;
    if (write === undefined) {
      sendText(res, 501);
      return;
    }
    const fault = write(master, call[bodyName] as Record<string, unknown>);
    if (fault === undefined) sendEmpty(res, 200);
    else sendText(res, fault.status, fault.text);
  }
}

const pairs = (values: Readonly<Record<string, unknown>>): object[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

type Write = (master: Master, body: Record<string, unknown>) => Outcome;

const writes: Readonly<Record<string, Write>> = {
  TEARDOWN: (master, body) => {
    const framework = master.state.frameworks.get(idIn(body['framework_id']));
    if (framework === undefined) return { status: 400, text: 'No framework found with specified ID' };
    master.tearDown(framework);
    return undefined;
  },
  MARK_AGENT_GONE: (master, body) => {
    const id = idIn(body['agent_id']);
    const agent = master.state.agents.get(id);
    if (agent !== undefined) master.lifecycle.markGone(agent);
    // Saying it twice is saying it once.
    else if (!master.state.gone.has(id)) return { status: 404, text: `Agent '${id}' not found` };
    return undefined;
  },
  DRAIN_AGENT: onAgent((master, agent, body) => {
    const grace = body['max_grace_period'] as { seconds?: number; nanoseconds?: number } | undefined;
    const graceMs = grace === undefined ? undefined : (grace.seconds ?? 0) * 1000 + (grace.nanoseconds ?? 0) / 1e6;
    master.lifecycle.drain(agent, graceMs, body['mark_gone'] === true);
  }),
  DEACTIVATE_AGENT: onAgent((master, agent) => master.lifecycle.deactivate(agent)),
  REACTIVATE_AGENT: (master, body) => {
    const agent = master.state.agents.get(idIn(body['agent_id']));
    if (agent === undefined || !agent.deactivated) return { status: 400, text: 'Agent is not deactivated' };
    if (agent.drain !== undefined && agent.tasks.size > 0) {
      return { status: 400, text: 'Agent is still in the DRAINING state' };
    }
    master.lifecycle.reactivate(agent);
    return undefined;
  },
  UPDATE_MAINTENANCE_SCHEDULE: (master, body) => {
    const schedule = body['schedule'] as { windows?: readonly Window[] } | undefined;
    master.maintenance.setSchedule(schedule?.windows ?? []);
    return undefined;
  },
  START_MAINTENANCE: (master, body) => refusal(master.maintenance.machinesDown(machinesIn(body))),
  STOP_MAINTENANCE: (master, body) => refusal(master.maintenance.machinesUp(machinesIn(body))),
};

const refusal = (text: string | undefined): Outcome => (text === undefined ? undefined : { status: 400, text });

const machinesIn = (body: Record<string, unknown>): readonly MachineId[] =>
  Array.isArray(body['machines']) ? (body['machines'] as MachineId[]) : [];

const idIn = (id: unknown): string => (id as { value?: string } | undefined)?.value ?? '';

function onAgent(act: (master: Master, agent: Agent, body: Record<string, unknown>) => void): Write {
  return (master, body) => {
    const agent = master.state.agents.get(idIn(body['agent_id']));
    if (agent === undefined) return { status: 400, text: 'Unknown agent' };
    act(master, agent, body);
    return undefined;
  };
}

/** A stream of what happens, behind the whole state. The oldest stream ends when there are too many. */
function follow(master: Master, streams: Set<EventStream>, res: ServerResponse): void {
  const { state } = master;
  const stop = state.watchers.add((happening) => {
    for (const event of eventsOf(state, happening)) stream.send(JSON.stringify(event));
  });
  const stream: EventStream = new EventStream(res, undefined, () => {
    stop();
    streams.delete(stream);
  });
  streams.add(stream);
  const [oldest] = streams;
  if (streams.size > maxOperatorStreams && oldest !== undefined) oldest.breakOff();
  const { heartbeatMs } = state.settings;
  const subscribed = { get_state: reads['GET_STATE']?.(state), heartbeat_interval_seconds: heartbeatMs / 1000 };
  stream.send(JSON.stringify({ type: 'SUBSCRIBED', subscribed }));
  stream.startHeartbeats(heartbeatMs);
}

function eventsOf(state: MasterState, happening: Happening): readonly object[] {
  switch (happening.type) {
    case 'taskAdded':
      return [{ type: 'TASK_ADDED', task_added: { task: masterTaskV1(happening.task) } }];
    case 'taskUpdated': {
      const { task, record } = happening;
      const status = statusV1(task.id, task.agent.id, task.executor?.id, record);
      // What the master alone says, its agent does not know of.
      const latest = record.source === 'SOURCE_MASTER' ? record.state : task.state;
      const updated = { framework_id: { value: task.framework.id }, status, state: latest };
      return [{ type: 'TASK_UPDATED', task_updated: updated }];
    }
    case 'agentAdded':
      return [{ type: 'AGENT_ADDED', agent_added: { agent: agentV1(happening.agent) } }];
    case 'agentRemoved':
      return [{ type: 'AGENT_REMOVED', agent_removed: { agent_id: { value: happening.agent.id } } }];
    case 'frameworkAdded':
      return [{ type: 'FRAMEWORK_ADDED', framework_added: { framework: frameworkV1(state, happening.framework) } }];
    case 'frameworkUpdated':
      return [{ type: 'FRAMEWORK_UPDATED', framework_updated: { framework: frameworkV1(state, happening.framework) } }];
    case 'frameworkRemoved':
      return [
        {
          type: 'FRAMEWORK_REMOVED',
          framework_removed: { framework_info: expressed('framework', happening.framework.info) },
        },
      ];
  }
}
