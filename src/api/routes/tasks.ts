/** `/v2/tasks` and `/v2/tasks/delete` (rest-api §5.3, §5.4). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AppDefinition } from '../../core/app/definition.ts';
import { parseTaskId } from '../../core/ids.ts';
import type { Instance } from '../../core/instance/instance.ts';
import { hasTask } from '../../core/instance/shown.ts';
import { refusal } from '../../core/refusal.ts';
import { ok } from '../../core/result.ts';
import { wantsText } from '../accept.ts';
import type { Sent } from '../cached-answers.ts';
import type { ApiContext } from '../context.ts';
import { readJson } from '../json-body.ts';
import { instanceOfTask, killAndAnswer, killMode } from '../kill-answer.ts';
import { servicePortsOf } from '../lists/kept-lists.ts';
import { all, first, type Query, queryOf } from '../query.ts';
import { readTaskIds } from '../read-body.ts';
import { taskJson } from '../render/task.ts';
import { taskLines } from '../render/task-text.ts';
import { resource } from '../resource.ts';
import { sendRefusal } from '../respond.ts';
import { containerNetworks } from './app-tasks.ts';

/** Registers the routes. */
export function tasksRoutes(server: FastifyInstance, context: ApiContext): void {
  resource(server, '/v2/tasks', { GET: (request, reply) => list(context, request, reply) });
  resource(server, '/v2/tasks/delete', { POST: (request, reply) => kill(context, request, reply) });
}

function list(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Sent {
  const isText = wantsText(request.headers.accept);
  const { read } = context.deps;
  return context.answers.send(request, reply, {
    isSettled: true,
    isText,
    render: () => {
      const pieces: string[] = [];
      const networks = containerNetworks(request);
      const states = wantedStates(queryOf(request));
      if (!isText && !states) return ok(context.lists.allTasks());
      for (const app of read.apps()) {
        const instances = read.instancesOf(app.id);
        if (isText) pieces.push(taskLines(app, instances, networks));
        else addTasks(context, pieces, app, instances, states);
      }
      return ok(isText ? pieces.join('') : `{"tasks":[${pieces.join(',')}]}`);
    },
  });
}

interface WantedStates {
  readonly running: boolean;
  readonly staging: boolean;
}

/** The first `status` and every `status[]`; other values are ignored, and without any of these two there is no filter. */
function wantedStates(query: Query): WantedStates | undefined {
  const values = [first(query, 'status') ?? '', ...all(query, 'status[]')].map((value) => value.toLowerCase());
  const wanted = { running: values.includes('running'), staging: values.includes('staging') };
  return wanted.running || wanted.staging ? wanted : undefined;
}

function addTasks(
  context: ApiContext,
  pieces: string[],
  app: AppDefinition,
  instances: Iterable<Instance>,
  wanted: WantedStates | undefined,
): void {
  const servicePorts = servicePortsOf(app);
  for (const instance of instances) {
    if (!hasTask(instance)) continue;
    const view = context.tasks(instance);
    if (wanted && !(wanted.running && view.isRunning) && !(wanted.staging && view.isStaged)) continue;
    pieces.push(taskJson(view, servicePorts));
  }
}

async function kill(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const mode = killMode(request);
  if (!mode.ok) return sendRefusal(reply, mode.error);
  const json = readJson(request);
  if (!json.ok) return sendRefusal(reply, json.error);
  const ids = readTaskIds(json.value);
  if (!ids.ok) return sendRefusal(reply, ids.error);
  const chosen = new Map<string, Instance>();
  for (const id of ids.value) {
    if (parseTaskId(id) === undefined) return sendRefusal(reply, refusal('badRequest', `Invalid task id '${id}'`));
    const instance = instanceOfTask(context, id);
    if (instance) chosen.set(instance.id, instance);
  }
  return killAndAnswer(context, reply, [...chosen.values()], mode.value, (tasks) => `{"tasks":[${tasks}]}`);
}
