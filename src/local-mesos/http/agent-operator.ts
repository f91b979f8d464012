/** POST /slave(N)/api/v1: the operator API of an agent (mesos-v1 §6.5, recording 12), as far as it reads. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Master } from '../master/master.ts';
import { type Agent, type Framework, isTerminal, type Task } from '../master/model.ts';
import { containersOf } from './agent-containers.ts';
import { completedOn, executorsV1, wasHere } from './agent-executors.ts';
import { readBody, sendJson, sendText, sendWrongMethod } from './answers.ts';
import { listFilesV1, locate, maxReadBytes, readFileV1 } from './files-endpoint.ts';
import { agentInfoV1, liveTaskV1, taskV1 } from './v1-views.ts';
import { versionView } from './views.ts';

type Read = (master: Master, agent: Agent) => object;

const reads: Readonly<Record<string, Read>> = {
  GET_HEALTH: () => ({ healthy: true }),
  GET_VERSION: () => ({ version_info: versionView }),
  GET_FLAGS: (_master, agent) => ({
    flags: Object.entries(agent.runner.facts?.().flags ?? {}).map(([name, value]) => ({ name, value })),
  }),
  GET_METRICS: () => ({ metrics: [] }),
  GET_LOGGING_LEVEL: () => ({ level: 0 }),
  GET_STATE: (master, agent) => ({
    get_tasks: tasksOf(master, agent),
    get_executors: executorsIn(master, agent),
    get_frameworks: frameworksOf(master, agent),
  }),
  GET_TASKS: tasksOf,
  GET_EXECUTORS: executorsIn,
  GET_FRAMEWORKS: frameworksOf,
  GET_AGENT: (_master, agent) => ({ agent_info: agentInfoV1(agent) }),
  GET_CONTAINERS: (_master, agent) => ({ containers: containersOf(agent).map(({ v1 }) => v1) }),
  GET_OPERATIONS: () => ({}),
};

/** Calls that exist; others read as no type at all. */
const others = new Set(
  (
    'SET_LOGGING_LEVEL GET_RESOURCE_PROVIDERS LAUNCH_NESTED_CONTAINER WAIT_NESTED_CONTAINER ' +
    'KILL_NESTED_CONTAINER REMOVE_NESTED_CONTAINER LAUNCH_CONTAINER WAIT_CONTAINER KILL_CONTAINER REMOVE_CONTAINER ' +
    'ATTACH_CONTAINER_INPUT ATTACH_CONTAINER_OUTPUT PRUNE_IMAGES'
  ).split(' '),
);

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
    const contentType = req.headers['content-type'];
    if (contentType === undefined) sendText(res, 400, `Expecting 'Content-Type' to be present`);
    else if (contentType !== 'application/json') {
      sendText(res, 415, `Expecting 'Content-Type' of application/json or application/x-protobuf`);
    } else answer(scene, body, res);
  });
}

function answer(scene: AgentScene, body: Buffer, res: ServerResponse): void {
  let call: Record<string, unknown> | null;
  try {
    call = JSON.parse(body.toString()) as Record<string, unknown> | null;
  } catch {
    sendText(res, 400, 'Failed to parse body into JSON: syntax error');
    return;
  }
  const type = typeof call?.['type'] === 'string' ? call['type'] : '';
  const read = Object.hasOwn(reads, type) ? reads[type] : undefined;
  if (read !== undefined) sendJson(res, { type, [type.toLowerCase()]: read(scene.master, scene.agent) });
  else if (type === 'LIST_FILES' || type === 'READ_FILE') {
    void answerFiles(scene, type, (call?.[type.toLowerCase()] ?? {}) as FileCall, res);
  } else if (others.has(type)) sendText(res, 501);
  else sendText(res, 400, `Failed to validate agent::Call: Expecting 'type' to be present`);
}

interface FileCall {
  readonly path?: unknown;
  readonly offset?: unknown;
  readonly length?: unknown;
}

async function answerFiles(
  { sandboxRoot }: AgentScene,
  type: 'LIST_FILES' | 'READ_FILE',
  { path, offset = 0, length = maxReadBytes }: FileCall,
  res: ServerResponse,
): Promise<void> {
  if (typeof path !== 'string' || !isCount(offset) || !isCount(length)) {
    sendText(res, 400, `Failed to validate agent::Call: Expecting '${type.toLowerCase()}' to be present`);
    return;
  }
  try {
    const found = sandboxRoot === undefined ? undefined : await locate(sandboxRoot, path);
    if (found === undefined || 'status' in found) sendText(res, found?.status ?? 404, found?.text ?? '');
    else if (type === 'LIST_FILES') {
      sendJson(res, { type, list_files: { file_infos: await listFilesV1(found.path, path) } });
    } else {
      const part = await readFileV1(found.path, offset, length);
      if (part === undefined) sendText(res, 400, 'Cannot read a directory.\n');
      else sendJson(res, { type, read_file: part });
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') sendText(res, 404, '');
    else sendText(res, 500, `${message}\n`);
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const frameworksHere = (master: Master, agent: Agent): readonly Framework[] =>
  [...master.state.frameworks.values()].filter((framework) => wasHere(framework, agent));

function executorsIn(master: Master, agent: Agent): object {
  return executorsV1(frameworksHere(master, agent), agent);
}

function frameworksOf(master: Master, agent: Agent): object {
  return {
    frameworks: frameworksHere(master, agent).map(({ info }) => ({ framework_info: info })),
    completed_frameworks: [],
  };
}

function tasksOf(master: Master, agent: Agent): object {
  const tasks = [...agent.tasks];
  const alive = tasks.filter((task) => !isTerminal(task.state));
  return {
    pending_tasks: [],
    queued_tasks: alive.filter(isQueued).map(liveTaskV1),
    launched_tasks: alive.filter((task) => !isQueued(task)).map(liveTaskV1),
    terminated_tasks: tasks.filter((task) => isTerminal(task.state)).map(liveTaskV1),
    completed_tasks: frameworksHere(master, agent).flatMap((framework) =>
      completedOn(framework, agent).map((task) => taskV1(framework.id, task)),
    ),
  };
}

const isQueued = (task: Task): boolean => task.state === 'TASK_STAGING';
