/**
 * Replays a recording against the local cluster: requests are sent in the recorded order and with the recorded pauses, events are
 * awaited. Within one stream, events of different tasks, offers and operations may come in another order than recorded.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bindings } from './bindings.ts';
import { compare } from './compare.ts';
import { byChance } from './exceptions.ts';
import { apart, type LiveEvent, LiveStream } from './live-stream.ts';
import type { EndEntry, EventEntry, Recording, RequestEntry, ResponseEntry } from './recording.ts';

/** How long an event, an answer or the end of a stream is waited for. */
const patienceMs = 60_000;
/** Whatever still comes after the end of the recording is too much. */
const settleMs = 400;
/** How long an event is waited for that need not come. */
const chanceMs = 300;
/** The interval of the recorded master. */
const allocationMs = 1000;
/** Between two ticks while an offer or a RESCIND is awaited. */
const tickMs = 100;

/** Calls that change nothing about what is to be had. */
const quietCalls: ReadonlySet<string> = new Set(['ACKNOWLEDGE', 'KILL', 'RECONCILE']);
const stateGoesOn = /^TASK_(STARTING|RUNNING|KILLING)$/;

interface Update {
  readonly status: { readonly state: string };
}

export interface Scene {
  /** Everything before the recorded path. */
  readonly urlOf: (target: string, port: number | undefined, path: string) => string;
  /** Runs the master's periodic allocation once. */
  readonly tick: () => void;
  /** Does what an action says; does nothing when it is but a heading. */
  readonly act: (action: string) => Promise<void> | void;
  /** Called before each entry, with its time. */
  readonly before?: (t: number) => Promise<void>;
  /** Called before a task is to be killed; resolves when it is where it was when the recorded KILL came. */
  readonly beforeKill?: (taskId: string) => Promise<void>;
  /** Called when a request has been answered, with its number: for what happened between it and the next entry. */
  readonly answered?: (request: number) => Promise<void> | void;
  /** Offers beyond the recorded ones are no difference here; the reason stands in the list of scenes. */
  readonly allowsMoreOffers: boolean;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly stream: LiveStream | undefined;
}

/** The differences between recording and replay. */
export async function replay(recording: Recording, scene: Scene, bindings: Bindings): Promise<readonly string[]> {
  return new Replay(recording, scene, bindings).run();
}

class Replay {
  readonly #recording: Recording;
  readonly #scene: Scene;
  readonly #bindings: Bindings;
  readonly #answers = new Map<number, { entry: RequestEntry; answer: Promise<Answer | Error> }>();
  readonly #streams = new Map<number, LiveStream>();
  readonly #differences: string[] = [];
  #at = 0;

  constructor(recording: Recording, scene: Scene, bindings: Bindings) {
    this.#recording = recording;
    this.#scene = scene;
    this.#bindings = bindings;
  }

  async run(): Promise<readonly string[]> {
    let before = 0;
    for (const [i, entry] of this.#recording.entries.entries()) {
      const pauseMs = entry.t - before;
      before = entry.t;
      this.#at = entry.t;
      await this.#scene.before?.(entry.t);
      if ('request' in entry) {
        await this.#pause(pauseMs);
        const killed = this.#killedBy(entry);
        if (killed !== undefined) await this.#scene.beforeKill?.(killed);
        this.#send(entry);
        await delay(0);
      } else if ('response' in entry) {
        await this.#answered(entry);
        await this.#scene.answered?.(entry.response);
        if (this.#leavesAnOffer(entry, i)) this.#scene.tick();
      } else if ('event' in entry) await this.#happened(entry);
      else if ('end' in entry) await this.#ended(entry);
      else if ('action' in entry) {
        await this.#pause(pauseMs);
        await this.#scene.act(entry.action);
      }
      if (this.#differences.length > 12) break;
    }
    if (this.#differences.length === 0) await delay(settleMs);
    this.#lookForMore();
    for (const stream of this.#streams.values()) stream.close();
    return this.#differences;
  }

  /**
   * Whether this answers an ACCEPT of which the rest was offered again before any task came to its end. Then it is offered at once:
   * a task may end by a clock that does not wait for us.
   */
  #leavesAnOffer({ response }: ResponseEntry, at: number): boolean {
    const call = this.#answers.get(response)?.entry.body as { readonly type?: string } | undefined;
    if (call?.type !== 'ACCEPT') return false;
    for (const entry of this.#recording.entries.slice(at + 1)) {
      if ('end' in entry) return false;
      if ('request' in entry && !quietCalls.has((entry.body as { readonly type?: string })?.type ?? '')) return false;
      if (!('event' in entry)) continue;
      const { type, update } = entry.event as { readonly type: string; readonly update?: Update };
      if (type === 'OFFERS') return true;
      if (type !== 'UPDATE' || !stateGoesOn.test(update?.status.state ?? '')) return false;
    }
    return false;
  }

  #isByChance(at: number): boolean {
    return byChance.some(({ recording, t }) => recording === this.#recording.name && t.includes(at));
  }

  #differ(...what: readonly string[]): void {
    for (const one of what) this.#differences.push(`at ${this.#at} ms: ${one}`);
  }

  /** A pause as long as an allocation interval has a tick in it, which must not bring what was not recorded. */
  async #pause(pauseMs: number): Promise<void> {
    await delay(pauseMs);
    if (pauseMs < allocationMs) return;
    this.#scene.tick();
    await delay(1);
  }

  /** The task that a KILL names; some recorded calls are not even well-formed. */
  #killedBy({ body }: RequestEntry): string | undefined {
    const call = body as { readonly type?: string; readonly kill?: { readonly task_id?: { readonly value?: string } } };
    return call?.type === 'KILL' ? call.kill?.task_id?.value : undefined;
  }

  #send(entry: RequestEntry): void {
    const url = `${this.#scene.urlOf(entry.target ?? 'master', entry.port, entry.path)}${this.#bindings.text(entry.path)}`;
    const headers = {
      ...(entry.json === 1 ? { 'Content-Type': 'application/json', Accept: 'application/json' } : {}),
      ...(this.#bindings.substitute(entry.headers ?? {}) as Record<string, string>),
    };
    const body = this.#bindings.substitute(entry.body ?? entry.raw_body);
    const payload =
      body === undefined || entry.body === undefined ? (body as string | undefined) : JSON.stringify(body);
    const opensStream = entry.path.includes('/api/v1') && (entry.body as { type?: string })?.type === 'SUBSCRIBE';
    const answer = post(url, entry.method ?? 'POST', headers, payload, opensStream).catch((error: Error) => error);
    this.#answers.set(entry.request, { entry, answer });
  }

  async #answered(entry: ResponseEntry): Promise<void> {
    const sent = this.#answers.get(entry.response);
    if (sent === undefined) return;
    const { path, method = 'POST' } = sent.entry;
    const type = (sent.entry.body as { type?: string } | undefined)?.type;
    const what = `${method} ${path.replace(/\?.*$/, '')}${type === undefined ? '' : ` ${type}`}`;
    const answer = await Promise.race([sent.answer, delay(patienceMs).then(() => new Error('no answer'))]);
    if (answer instanceof Error) {
      this.#differ(`${what}: ${answer.message}`);
      return;
    }
    if (answer.status !== entry.status) {
      this.#differ(`${what}: recorded status ${entry.status}, live ${answer.status} ${answer.body.slice(0, 200)}`);
    }
    const headers = Object.fromEntries(
      Object.entries(entry.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const names = ['content-type', 'location', 'allow', 'www-authenticate', 'mesos-stream-id', 'content-disposition'];
    const live = Object.fromEntries(
      names.filter((name) => answer.headers[name] !== undefined).map((name) => [name, answer.headers[name]]),
    );
    const { 'transfer-encoding': _t, 'content-encoding': _c, ...recorded } = headers;
    this.#differ(...this.#compare(recorded, live, `${what} headers`));
    if (entry.stream !== undefined && answer.stream !== undefined) this.#streams.set(entry.stream, answer.stream);
    if (entry.stream !== undefined || entry.cut === 1) return;
    if (this.#isByChance(entry.t)) return;
    if (entry.body === undefined) {
      this.#differ(...this.#compare(entry.raw_body ?? '', answer.body, `${what} text ${entry.status}`));
      return;
    }
    this.#differ(...this.#compare(entry.body, parsed(answer.body), what));
  }

  async #happened(entry: EventEntry): Promise<void> {
    const stream = this.#streams.get(entry.stream);
    if (stream === undefined) {
      this.#differ(`there is no stream ${entry.stream} for ${entry.event.type}`);
      return;
    }
    const mayFail = this.#isByChance(entry.t);
    for (const one of apart(entry.event)) {
      if (mayFail) await this.#tryOne(stream, one);
      else await this.#awaitOne(stream, one);
    }
  }

  /** Takes an event if it comes. */
  async #tryOne(stream: LiveStream, recorded: LiveEvent): Promise<void> {
    const next = await stream.until(
      () =>
        stream.events.find((live) => !live.taken && live.type === recorded.type && this.#sameSubject(recorded, live)),
      chanceMs,
    );
    if (next !== undefined && this.#compare(recorded.body, next.body, recorded.type).length === 0) next.taken = true;
  }

  async #awaitOne(stream: LiveStream, recorded: LiveEvent): Promise<void> {
    // The first one stands for all: they come by the clock.
    if (recorded.type === 'HEARTBEAT' && stream.events.some(({ type, taken }) => type === 'HEARTBEAT' && taken)) return;
    let nearest: readonly string[] | undefined;
    const look = (): LiveEvent | undefined => {
      nearest = undefined;
      const candidates = stream.events.filter(
        (live) => !live.taken && live.type === recorded.type && this.#sameSubject(recorded, live),
      );
      for (const live of this.#inOrder(recorded) ? candidates.slice(0, 1) : candidates) {
        const differences = this.#compare(recorded.body, live.body, recorded.type);
        if (differences.length === 0) {
          live.taken = true;
          return live;
        }
        if (nearest === undefined || differences.length < nearest.length) nearest = differences;
        if (this.#inOrder(recorded)) {
          live.taken = true;
          this.#differ(`${recorded.type} of ${subjectOf(recorded)}`, ...differences.map((one) => `  ${one}`));
          return live;
        }
      }
      return undefined;
    };
    if ((await this.#await(stream, recorded, look)) !== undefined) return;
    const why = nearest === undefined ? 'nothing like it came' : `nearest: ${nearest.join('; ')}`;
    this.#differ(`${recorded.type} ${subjectOf(recorded)} did not come: ${why}`);
  }

  /** While something is awaited that a tick can bring, the master ticks. */
  async #await(
    stream: LiveStream,
    { type }: LiveEvent,
    look: () => LiveEvent | undefined,
  ): Promise<LiveEvent | undefined> {
    if (!['OFFER', 'INVERSE_OFFER', 'RESCIND'].includes(type)) return stream.until(look, patienceMs);
    const deadline = performance.now() + patienceMs;
    for (let waitMs = 5; performance.now() < deadline; waitMs = tickMs) {
      const found = await stream.until(look, waitMs);
      if (found !== undefined) return found;
      this.#scene.tick();
    }
    return undefined;
  }

  /** Events about one subject come in the recorded order; offers and inverse offers are told apart by what they hold. */
  readonly #inOrder = (recorded: LiveEvent): boolean => !['OFFER', 'INVERSE_OFFER', 'RESCIND'].includes(recorded.type);

  #sameSubject(recorded: LiveEvent, live: LiveEvent): boolean {
    return this.#bindings.text(subjectOf(recorded)) === subjectOf(live) || subjectOf(recorded) === '';
  }

  async #ended(entry: EndEntry): Promise<void> {
    const stream = this.#streams.get(entry.stream);
    if (stream === undefined) return;
    if (entry.end === 'closed by client') {
      stream.close();
      return;
    }
    const how = await stream.until(() => stream.end, patienceMs);
    const expected = entry.end === 'eof' ? 'eof' : 'broken';
    if (how !== expected) this.#differ(`stream ${entry.stream}: recorded end ${entry.end}, live ${how ?? 'none'}`);
  }

  #lookForMore(): void {
    for (const [number, stream] of this.#streams) {
      for (const live of stream.events) {
        if (live.taken || live.type === 'HEARTBEAT' || (live.type === 'OFFER' && this.#scene.allowsMoreOffers))
          continue;
        this.#differences.push(
          `stream ${number}: beyond the recording ${live.type} ${JSON.stringify(live.body).slice(0, 400)}`,
        );
      }
    }
  }

  #compare(recorded: unknown, live: unknown, what: string): readonly string[] {
    return compare(recorded, live, what, this.#bindings, this.#recording.name);
  }
}

/** Whom an event is about, where it can be told by a name that is no chance. */
function subjectOf({ type, body }: LiveEvent): string {
  const about = body as {
    readonly status?: {
      readonly task_id?: { readonly value: string };
      readonly operation_id?: { readonly value: string };
    };
    readonly task?: { readonly task_id: { readonly value: string } };
  };
  if (type === 'UPDATE' || type === 'TASK_UPDATED') return about.status?.task_id?.value ?? '';
  if (type === 'UPDATE_OPERATION_STATUS') return about.status?.operation_id?.value ?? '';
  return about.task?.task_id.value ?? '';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function post(
  url: string,
  method: string,
  headers: Record<string, string>,
  payload: string | undefined,
  opensStream: boolean,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = httpRequest(url, { method, headers, agent: false }, (res) => {
      const { statusCode: status = 0, headers: heads } = res;
      if (opensStream && status === 200) {
        resolve({ status, headers: heads, body: '', stream: new LiveStream(res) });
        return;
      }
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () =>
        resolve({ status, headers: heads, body: Buffer.concat(chunks).toString(), stream: undefined }),
      );
    });
    req.on('error', reject);
    req.end(payload);
  });
}
