/** A small Mesos scheduler for tests: it speaks the v1 API over real HTTP and lets a test await what comes on the stream. */
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request } from 'node:http';
import type { FrameworkInfo, Offer, TaskInfo, TaskStatus } from '../../src/core/mesos/types.ts';

export interface MesosEvent {
  readonly type: string;
  readonly subscribed?: { readonly framework_id: { readonly value: string }; readonly [other: string]: unknown };
  readonly offers?: { readonly offers: readonly Offer[] };
  readonly update?: { readonly status: TaskStatus };
  readonly rescind?: { readonly offer_id: { readonly value: string } };
  readonly error?: { readonly message: string };
  readonly failure?: { readonly agent_id?: { readonly value: string }; readonly executor_id?: unknown };
  readonly [other: string]: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Splits a RecordIO stream into its records; `feed` takes the bytes as they come. */
export class RecordReader {
  #rest: Buffer = Buffer.alloc(0);

  feed(chunk: Buffer): string[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const records: string[] = [];
    let at = 0;
    for (;;) {
      const newline = this.#rest.indexOf(10, at);
      if (newline < 0) break;
      const header = this.#rest.toString('latin1', at, newline);
      if (!/^[1-9]\d*$/.test(header)) throw new Error(`bad record header ${JSON.stringify(header)}`);
      const end = newline + 1 + Number(header);
      if (end > this.#rest.length) break;
      records.push(this.#rest.toString('utf8', newline + 1, end));
      at = end;
    }
    this.#rest = this.#rest.subarray(at);
    return records;
  }
}

const keepAlive = new HttpAgent({ keepAlive: true, maxSockets: 4 });

/** One HTTP request, with whatever method, headers and body; objects are sent as JSON. */
export function send(
  url: string,
  options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: unknown } = {},
): Promise<Answer> {
  const { method = options.body === undefined ? 'GET' : 'POST', headers = {}, body } = options;
  const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const req = request(url, { method, headers, agent: keepAlive }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks).toString() }),
      );
    });
    req.on('error', reject);
    req.end(payload);
  });
}

export const json = { 'Content-Type': 'application/json', Accept: 'application/json' };

export const frameworkInfo = (change: Partial<FrameworkInfo> & { role?: string } = {}): FrameworkInfo => ({
  user: 'root',
  name: 'probe',
  failover_timeout: 3600,
  checkpoint: true,
  hostname: 'localhost',
  roles: ['*'],
  capabilities: [
    { type: 'PARTITION_AWARE' },
    { type: 'MULTI_ROLE' },
    { type: 'RESERVATION_REFINEMENT' },
    { type: 'TASK_KILLING_STATE' },
  ],
  ...change,
});

type Match = (event: MesosEvent) => boolean;

/** One subscription. Events are kept until a `next…` takes them, in order, so that none is missed. */
export class MesosClient {
  readonly #url: string;
  readonly #events: MesosEvent[] = [];
  #waiting: { match: Match; resolve: (event: MesosEvent) => void } | undefined;
  #request: ClientRequest | undefined;
  #listener: ((event: MesosEvent) => void) | undefined;
  /** Resolves with how the stream ended: properly, or broken off. */
  ended: Promise<'eof' | 'broken'> = Promise.resolve('eof');
  frameworkId = '';
  streamId = '';

  constructor(url: string) {
    this.#url = url;
  }

  /** Subscribes and waits for the head of the answer. */
  async subscribe(info: object = frameworkInfo(), extra: object = {}): Promise<IncomingMessage> {
    const id = (info as FrameworkInfo).id;
    const call = {
      ...(id === undefined ? {} : { framework_id: id }),
      type: 'SUBSCRIBE',
      subscribe: { framework_info: info, ...extra },
    };
    const res = await this.#open(JSON.stringify(call));
    const reader = new RecordReader();
    this.streamId = String(res.headers['mesos-stream-id']);
    this.ended = new Promise((resolve) => {
      res.on('end', () => resolve('eof'));
      res.on('error', () => resolve('broken'));
      res.on('close', () => resolve('broken'));
    });
    res.on('data', (chunk: Buffer) => {
      for (const record of reader.feed(chunk)) this.#take(JSON.parse(record) as MesosEvent);
    });
    return res;
  }

  /** Subscribes and waits for SUBSCRIBED. */
  async connect(info: object = frameworkInfo(), extra: object = {}): Promise<MesosEvent> {
    await this.subscribe(info, extra);
    const event = await this.next('SUBSCRIBED');
    this.frameworkId = event.subscribed!.framework_id.value;
    return event;
  }

  #open(body: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      this.#request = request(
        `${this.#url}/api/v1/scheduler`,
        { method: 'POST', headers: json, agent: false },
        resolve,
      );
      this.#request.on('error', reject);
      this.#request.end(body);
    });
  }

  /** From now on events go to `listener` instead of being kept. */
  listen(listener: (event: MesosEvent) => void): void {
    this.#listener = listener;
    for (const event of this.#events.splice(0)) listener(event);
  }

  #take(event: MesosEvent): void {
    if (this.#listener !== undefined) {
      this.#listener(event);
      return;
    }
    if (this.#waiting?.match(event) === true) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve(event);
    } else this.#events.push(event);
  }

  /** The next event of a type that has not been taken. */
  next(type: string): Promise<MesosEvent> {
    return this.#nextMatching((event) => event.type === type);
  }

  #nextMatching(match: Match): Promise<MesosEvent> {
    const at = this.#events.findIndex(match);
    if (at >= 0) return Promise.resolve(this.#events.splice(at, 1)[0] as MesosEvent);
    return new Promise((resolve) => {
      this.#waiting = { match, resolve };
    });
  }

  /** The next status update, of a task if one is named. */
  async nextStatus(taskId?: string): Promise<TaskStatus> {
    const event = await this.#nextMatching(
      ({ type, update }) => type === 'UPDATE' && (taskId === undefined || update?.status.task_id.value === taskId),
    );
    return event.update!.status;
  }

  /** The offers of the next OFFERS event. */
  async nextOffers(): Promise<readonly Offer[]> {
    return (await this.next('OFFERS')).offers!.offers;
  }

  /** Events that have come and nobody has taken, heartbeats left out. */
  untaken(): readonly MesosEvent[] {
    return this.#events.filter(({ type }) => type !== 'HEARTBEAT');
  }

  /** Posts a call with the ids of this subscription; `members` are added to it. */
  call(type: string, members: object = {}, headers: Record<string, string> = {}): Promise<Answer> {
    return send(`${this.#url}/api/v1/scheduler`, {
      headers: { ...json, 'Mesos-Stream-Id': this.streamId, ...headers },
      body: { framework_id: { value: this.frameworkId }, type, ...members },
    });
  }

  launch(offers: readonly Offer[], tasks: readonly TaskInfo[], refuseSeconds?: number): Promise<Answer> {
    return this.call('ACCEPT', {
      accept: {
        offer_ids: offers.map(({ id }) => id),
        operations: [{ type: 'LAUNCH', launch: { task_infos: tasks } }],
        ...(refuseSeconds === undefined ? {} : { filters: { refuse_seconds: refuseSeconds } }),
      },
    });
  }

  decline(offers: readonly Offer[], refuseSeconds?: number): Promise<Answer> {
    const filters = refuseSeconds === undefined ? {} : { filters: { refuse_seconds: refuseSeconds } };
    return this.call('DECLINE', { decline: { offer_ids: offers.map(({ id }) => id), ...filters } });
  }

  acknowledge(status: TaskStatus): Promise<Answer> {
    const { agent_id, task_id, uuid } = status;
    return this.call('ACKNOWLEDGE', { acknowledge: { agent_id, task_id, uuid } });
  }

  kill(taskId: string, agentId?: string): Promise<Answer> {
    const agent = agentId === undefined ? {} : { agent_id: { value: agentId } };
    return this.call('KILL', { kill: { task_id: { value: taskId }, ...agent } });
  }

  reconcile(...tasks: readonly { readonly taskId: string; readonly agentId?: string }[]): Promise<Answer> {
    const list = tasks.map(({ taskId, agentId }) => ({
      task_id: { value: taskId },
      ...(agentId === undefined ? {} : { agent_id: { value: agentId } }),
    }));
    return this.call('RECONCILE', { reconcile: { tasks: list } });
  }

  /** Breaks the stream off. */
  close(): void {
    this.#request?.destroy();
  }
}

/** A command task for the agent of an offer. */
export function taskFor(offer: Offer, id: string, change: Partial<TaskInfo> = {}): TaskInfo {
  return {
    name: id,
    task_id: { value: id },
    agent_id: offer.agent_id,
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
    ],
    command: { shell: true, value: 'sleep 1000' },
    ...change,
  };
}
