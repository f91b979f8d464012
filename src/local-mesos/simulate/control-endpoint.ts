/**
 * Faults on command over HTTP, below /simulate, only for simulated clusters:
 *
 *     GET  /simulate                          {behaviour, tasks, agents}
 *     POST /simulate/behaviour                any members of SimulatedBehaviour
 *     POST /simulate/tasks                    {state, prefix?, count?, message?, reason?} for live tasks, oldest first -> {changed}
 *     POST /simulate/tasks/<task id>          {state, message?, reason?}
 *     POST /simulate/agents/<agent>/lost      <agent>: its id or its number from 1
 *     POST /simulate/agents/<agent>/return    after lost, kill or a freeze that was noticed
 *     POST /simulate/agents/<agent>/kill      the agent process ends, tasks go on; unreachable after the agent time-out
 *     POST /simulate/agents/<agent>/freeze    it stands still; calls wait for it
 *     POST /simulate/agents/<agent>/thaw
 *     POST /simulate/agents/<agent>/remove    it unregisters, and its tasks are lost
 *     POST /simulate/failover                 {agentsBackAfterMs?}: another master takes over, tasks go on
 *     POST /simulate/disconnect               breaks all event streams, as a dying network would
 */
import { randomUUID } from 'node:crypto';
import { type MesosTaskState, mesosTaskStates } from '../../core/mesos/types.ts';
import { readBody, sendJson, sendText, sendWrongMethod } from '../http/answers.ts';
import type { Endpoint } from '../http/server.ts';
import type { Master } from '../master/master.ts';
import type { Agent } from '../master/model.ts';
import type { SimulatedRunner } from './simulated-runner.ts';

type Answer = { readonly status: number; readonly body: object };
const done: Answer = { status: 200, body: {} };
const refused = (message: string, status = 400): Answer => ({ status, body: { message } });

export function controlEndpoint(master: Master, runner: SimulatedRunner): Endpoint {
  return (req, res, url) => {
    const path = url.pathname
      .split('/')
      .filter((part) => part !== '')
      .slice(1)
      .map(decodeURIComponent);
    if (req.method === 'GET' && path.length === 0) {
      sendJson(res, { behaviour: runner.behaviour, tasks: runner.size, agents: master.state.agents.size });
      return;
    }
    if (req.method !== 'POST') {
      sendWrongMethod(res, 'POST', req.method ?? '');
      return;
    }
    readBody(req, res, (body) => {
      const json = parse(body);
      const answer = json === undefined ? refused('the body is not JSON') : command(master, runner, path, json);
      if (answer.status === 200) sendJson(res, answer.body);
      else sendText(res, answer.status, JSON.stringify(answer.body));
    });
  };
}

/** Undefined for what is no JSON object; it is answered with 400. */
function parse(body: Buffer): Record<string, unknown> | undefined {
  if (body.length === 0) return {};
  try {
    const json: unknown = JSON.parse(body.toString());
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function command(
  master: Master,
  runner: SimulatedRunner,
  path: readonly string[],
  json: Record<string, unknown>,
): Answer {
  const [what, name, verb] = path;
  if (what === 'behaviour' && name === undefined) {
    const fault = runner.change(json);
    return fault === undefined ? { status: 200, body: runner.behaviour } : refused(fault);
  }
  if (what === 'tasks') return commandTasks(runner, name, json);
  if (what === 'agents' && name !== undefined) return commandAgent(master, name, verb);
  if (what === 'failover') return failOver(master, json['agentsBackAfterMs'] ?? 0);
  if (what === 'disconnect') {
    for (const framework of master.state.frameworks.values()) framework.stream?.breakOff();
    return done;
  }
  return refused('nothing of that name', 404);
}

function failOver(master: Master, agentsBackAfterMs: unknown): Answer {
  if (typeof agentsBackAfterMs !== 'number' || !(agentsBackAfterMs >= 0)) {
    return refused('"agentsBackAfterMs" must be a number from 0');
  }
  const id = randomUUID();
  master.failOver(id);
  setTimeout(() => master.agentsBack(), agentsBackAfterMs).unref();
  return { status: 200, body: { master: id } };
}

function commandTasks(runner: SimulatedRunner, id: string | undefined, json: Record<string, unknown>): Answer {
  const state = mesosTaskStates.find((known) => known === json['state']);
  if (state === undefined) return refused('"state" must be a task state such as TASK_FAILED');
  const message = text(json['message']);
  const reason = text(json['reason']);
  if (id !== undefined) return runner.command(id, state, message, reason) ? done : refused('no such task', 404);
  return commandMany(runner, state, json, message, reason);
}

function commandMany(
  runner: SimulatedRunner,
  state: MesosTaskState,
  json: Record<string, unknown>,
  message: string | undefined,
  reason: string | undefined,
): Answer {
  const prefix = text(json['prefix']) ?? '';
  const limit = typeof json['count'] === 'number' ? json['count'] : Number.POSITIVE_INFINITY;
  const chosen: string[] = [];
  for (const id of runner.taskIds()) {
    if (chosen.length >= limit) break;
    if (id.startsWith(prefix)) chosen.push(id);
  }
  for (const id of chosen) runner.command(id, state, message, reason);
  return { status: 200, body: { changed: chosen.length } };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function commandAgent(master: Master, name: string, verb: string | undefined): Answer {
  const agent = findAgent(master, name);
  if (agent === undefined) return refused('no such agent', 404);
  const { lifecycle } = master;
  if (verb === 'lost') lifecycle.lose(agent);
  else if (verb === 'return') lifecycle.comeBack(agent);
  else if (verb === 'kill') lifecycle.disconnect(agent);
  else if (verb === 'freeze') lifecycle.freeze(agent);
  else if (verb === 'thaw') lifecycle.thaw(agent);
  else if (verb === 'remove') lifecycle.remove(agent, 'the agent unregistered');
  else return refused('expecting lost, return, kill, freeze, thaw or remove', 404);
  return done;
}

function findAgent(master: Master, name: string): Agent | undefined {
  const { agents } = master.state;
  return agents.get(name) ?? (/^\d+$/.test(name) ? [...agents.values()][Number(name) - 1] : undefined);
}
