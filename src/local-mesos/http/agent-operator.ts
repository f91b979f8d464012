/** POST /slave(N)/api/v1: the operator API of an agent (mesos-v1 §6.5, recording 12), as far as it reads. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Master } from '../master/master.ts';
import { type Agent, type Framework, isTerminal, type Task } from '../master/model.ts';
import { containersOf } from './agent-containers.ts';
import { completedOn, executorsV1, wasHere } from './agent-executors.ts';
import { agentMetricsView } from './agent-metrics.ts';
import { readBody, sendJson, sendText, sendWrongMethod } from './answers.ts';
import { type ApiCall, parseApiCall } from './api-call.ts';
import { compile, enumOf, opaque } from './convert.ts';
import { expressed } from './express.ts';
import { answerFilesCall, type FilesCall, filesCalls } from './files-calls.ts';
import { acceptsJson } from './scheduler-endpoint.ts';
import { agentInfoV1, liveTaskV1, taskV1 } from './v1-views.ts';
import { drainConfig, frameworksOver, versionView } from './views.ts';

type Read = (master: Master, agent: Agent) => object;

const reads: Readonly<Record<string, Read>> = {
  GET_HEALTH: () => ({ healthy: true }),
  GET_VERSION: () => ({ version_info: versionView }),
  GET_FLAGS: (_master, agent) => ({ flags: pairs(agent.runner.facts?.().flags ?? {}) }),
  GET_METRICS: (_master, agent) => ({ metrics: pairs(agentMetricsView(agent)) }),
  GET_LOGGING_LEVEL: () => ({ level: 0 }),
  GET_STATE: (master, agent) => ({
    get_tasks: tasksOf(master, agent),
    get_executors: executorsIn(master, agent),
    get_frameworks: frameworksOf(master, agent),
  }),
  GET_TASKS: tasksOf,
  GET_EXECUTORS: executorsIn,
  GET_FRAMEWORKS: frameworksOf,
  GET_AGENT: (_master, agent) => ({
    agent_info: agentInfoV1(agent),
    ...(agent.drain && {
      drain_config: drainConfig(agent.drain),
      estimated_drain_start_time: { nanoseconds: Math.floor(agent.drain.startedAt) * 1e9 },
    }),
  }),
  GET_CONTAINERS: (_master, agent) => {
    const containers = containersOf(agent).map(({ v1 }) => v1);
    return containers.length === 0 ? {} : { containers };
  },
  GET_OPERATIONS: () => ({}),
  GET_RESOURCE_PROVIDERS: () => ({}),
};

const pairs = (values: Readonly<Record<string, unknown>>): object[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

/** Calls that would change something. */
const others =
  'SET_LOGGING_LEVEL LAUNCH_NESTED_CONTAINER WAIT_NESTED_CONTAINER KILL_NESTED_CONTAINER REMOVE_NESTED_CONTAINER ' +
  'LAUNCH_NESTED_CONTAINER_SESSION LAUNCH_CONTAINER WAIT_CONTAINER KILL_CONTAINER REMOVE_CONTAINER ' +
  'ATTACH_CONTAINER_INPUT ATTACH_CONTAINER_OUTPUT ADD_RESOURCE_PROVIDER_CONFIG UPDATE_RESOURCE_PROVIDER_CONFIG ' +
  'REMOVE_RESOURCE_PROVIDER_CONFIG MARK_RESOURCE_PROVIDER_GONE PRUNE_IMAGES';

const callTypes = [...Object.keys(reads), 'LIST_FILES', 'READ_FILE', ...others.split(' ')];

const schema = compile({
  type: enumOf(callTypes),
  ...filesCalls,
  ...Object.fromEntries(['GET_METRICS', ...others.split(' ')].map((type) => [type.toLowerCase(), opaque])),
});

const needsBody = (type: string): boolean =>
  type !== 'PRUNE_IMAGES' && (type === 'GET_METRICS' || !type.startsWith('GET_'));

export interface AgentScene {
  readonly master: Master;
  readonly agent: Agent;
  /** Undefined: there are no files. */
  readonly sandboxRoot: string | undefined;
}

/** Answers one request about an agent. Calls that would change something are 501. */
export function answerAgentCall(scene: AgentScene, req: IncomingMessage, res: ServerResponse): void {
  if (req.method !== 'POST') {
    sendWrongMethod(res, 'POST', req.method ?? '');
    return;
  }
  readBody(req, res, (body) => {
    const parsed = parseApiCall(req.headers['content-type'], body, schema, {
      name: 'agent::Call',
      mediaTypes: 'application/json or application/x-protobuf or application/recordio',
      needsBody,
    });
    if ('refusal' in parsed) sendText(res, parsed.status, parsed.refusal);
    else if (!acceptsJson(req.headers.accept)) {
      const allowed = 'application/json or application/x-protobuf or application/recordio';
      sendText(res, 406, `Expecting 'Accept' to allow ${allowed}`);
    } else answer(scene, parsed.call, res);
  });
}

function answer({ master, agent, sandboxRoot }: AgentScene, call: ApiCall, res: ServerResponse): void {
  const { type } = call;
  const read = Object.hasOwn(reads, type) ? reads[type] : undefined;
  if (read !== undefined) sendJson(res, { type, [type.toLowerCase()]: read(master, agent) });
  else if (type === 'LIST_FILES' || type === 'READ_FILE') {
    void answerFilesCall(sandboxRoot, type, call[type.toLowerCase()] as FilesCall, res);
  } else sendText(res, 501);
}

/** Frameworks that the agent has something of, and those that are over and had. */
const frameworksOn = (master: Master, agent: Agent) => {
  const isHere = (framework: Framework): boolean => wasHere(framework, agent);
  return {
    active: [...master.state.frameworks.values()].filter(isHere),
    over: frameworksOver(master.state).filter(isHere),
  };
};

function executorsIn(master: Master, agent: Agent): object {
  const { active, over } = frameworksOn(master, agent);
  return executorsV1([...active, ...over], agent);
}

function frameworksOf(master: Master, agent: Agent): object {
  const { active, over } = frameworksOn(master, agent);
  const view = ({ info }: Framework): object => ({ framework_info: expressed('framework', info) });
  return { frameworks: active.map(view), completed_frameworks: over.map(view) };
}

function tasksOf(master: Master, agent: Agent): object {
  const { active, over } = frameworksOn(master, agent);
  const tasks = [...agent.tasks];
  const alive = tasks.filter((task) => !isTerminal(task.state));
  return {
    pending_tasks: [],
    queued_tasks: alive.filter(isQueued).map(liveTaskV1),
    launched_tasks: alive.filter((task) => !isQueued(task)).map(liveTaskV1),
    terminated_tasks: tasks.filter((task) => isTerminal(task.state)).map(liveTaskV1),
    completed_tasks: [...active, ...over].flatMap((framework) =>
      completedOn(framework, agent).map((task) => taskV1(framework.id, task)),
    ),
  };
}

const isQueued = (task: Task): boolean => task.state === 'TASK_STAGING';
