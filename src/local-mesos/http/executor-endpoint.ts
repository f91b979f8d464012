/** POST /api/v1/executor of an agent: how executors that frameworks bring along speak with it (mesos-v1 §1.1). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Labels, type MesosTaskState, mesosTaskStates, type TaskStatus } from '../../core/mesos/types.ts';
import { CustomExecutor } from '../executor/custom-executor.ts';
import { EventStream } from '../master/event-stream.ts';
import { executorMessageEvent } from '../master/events.ts';
import type { Master } from '../master/master.ts';
import type { Executor } from '../master/model.ts';
import { readBody, sendAccepted, sendText, sendWrongMethod } from './answers.ts';
import { parseApiCall } from './api-call.ts';
import { bool, bytes, compile, enumOf, message, num, opaque, repeated, required, str } from './convert.ts';
import { acceptsJson } from './scheduler-endpoint.ts';
import { id, labels } from './task-schema.ts';

const schema = compile({
  type: enumOf(['SUBSCRIBE', 'UPDATE', 'MESSAGE', 'HEARTBEAT']),
  framework_id: required(id),
  executor_id: required(id),
  subscribe: message({ unacknowledged_tasks: repeated(opaque), unacknowledged_updates: repeated(opaque) }),
  update: message({
    status: required(
      message({
        task_id: required(id),
        state: required(enumOf(mesosTaskStates)),
        uuid: required(bytes),
        message: str,
        reason: str,
        healthy: bool,
        timestamp: num,
        data: bytes,
        check_status: opaque,
        labels,
      }),
    ),
  }),
  message: message({ data: required(bytes) }),
});

interface Call {
  readonly type: 'SUBSCRIBE' | 'UPDATE' | 'MESSAGE' | 'HEARTBEAT';
  readonly framework_id: { readonly value: string };
  readonly executor_id: { readonly value: string };
  readonly update?: { readonly status: TaskStatus & { readonly uuid: string; readonly labels?: Labels } };
  readonly message?: { readonly data: string };
}

export function executorEndpoint(master: Master) {
  return (req: IncomingMessage, res: ServerResponse): void => {
    if (req.method !== 'POST') {
      sendWrongMethod(res, 'POST', req.method ?? '');
      return;
    }
    readBody(req, res, (body) => {
      const parsed = parseApiCall(req.headers['content-type'], body, schema, api);
      if ('refusal' in parsed) sendText(res, parsed.status, parsed.refusal);
      else answer(master, parsed.call as unknown as Call, req, res);
    });
  };
}

const api = {
  name: 'executor::Call',
  mediaTypes: 'application/json or application/x-protobuf',
  needsBody: (type: string) => type === 'UPDATE' || type === 'MESSAGE',
} as const;

function answer(master: Master, call: Call, req: IncomingMessage, res: ServerResponse): void {
  const framework = master.state.frameworks.get(call.framework_id.value);
  const executor = [...(framework?.executors ?? [])].find(({ id: own }) => own === call.executor_id.value);
  if (framework === undefined) sendText(res, 400, 'Framework cannot be found');
  else if (!(executor?.control instanceof CustomExecutor)) sendText(res, 400, 'Executor cannot be found');
  else if (call.type === 'SUBSCRIBE') subscribe(master, executor.control, req, res);
  else if (!executor.control.isSubscribed) sendText(res, 403, 'Executor is not subscribed');
  else {
    take(executor, executor.control, call);
    sendAccepted(res);
  }
}

function subscribe(master: Master, control: CustomExecutor, req: IncomingMessage, res: ServerResponse): void {
  if (!acceptsJson(req.headers.accept)) {
    sendText(res, 406, `Expecting 'Accept' to allow application/json or application/x-protobuf`);
    return;
  }
  const stream: EventStream = new EventStream(res, undefined, () => control.disconnected(stream));
  control.subscribed(stream);
  stream.startHeartbeats(master.state.settings.heartbeatMs);
}

function take(executor: Executor, control: CustomExecutor, { update, message: sent }: Call): void {
  const { framework, agent } = executor;
  if (sent !== undefined) framework.stream?.send(executorMessageEvent(agent.id, executor.id, sent.data));
  if (update === undefined) return;
  const { task_id, state, uuid, message: text, reason, healthy, check_status, data, labels: own } = update.status;
  control.updated(
    {
      taskId: task_id.value,
      state: state as MesosTaskState,
      ...(text === undefined ? {} : { message: text }),
      ...(reason === undefined ? {} : { reason }),
      ...(healthy === undefined ? {} : { healthy }),
      ...(check_status === undefined ? {} : { checkStatus: check_status }),
      ...(data === undefined ? {} : { data }),
      ...(own === undefined ? {} : { labels: own }),
    },
    uuid,
  );
}
