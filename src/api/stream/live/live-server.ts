/** `/v2/live`: the two-way WebSocket of web pages and load balancers (design §7). */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { ReadModel } from '../../../actors/front.ts';
import type { Clock, Metrics, TimerHandle } from '../../../actors/ports.ts';
import type { GapEvent } from '../../../core/events.ts';
import type { TaskFiles } from '../../files/task-files.ts';
import type { AppRenderer } from '../../render/app-info.ts';
import type { TaskRenderer } from '../../render/task.ts';
import { type EventStreams, maxStreams } from '../event-streams.ts';
import { liveFormat, textFrame } from '../frames.ts';
import { heartbeatMs, maxBacklogBytes, maxStalledBeats } from '../heartbeats.ts';
import { inSlices } from '../slices.ts';
import { socketConnection } from '../socket-connection.ts';
import { type ClientFrame, type FrameError, readFrame } from './client-frame.ts';
import type { LiveConnection } from './live-connection.ts';
import { followLog, maxLogs } from './log-feed.ts';
import type { LogFrame } from './log-frame.ts';
import { LabelBook, liveFilter } from './selection.ts';
import { StateFeed } from './state-feed.ts';
import { stateObjects } from './state-objects.ts';

/** Subscriptions of one connection. */
export const maxSubscriptions = 32;

export interface LiveOptions {
  readonly streams: EventStreams;
  readonly read: ReadModel;
  readonly apps: AppRenderer;
  readonly tasks: TaskRenderer;
  readonly taskFiles: TaskFiles;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export interface LiveServer {
  readonly isFull: () => boolean;
  /** Serves an open socket until it closes. */
  readonly serve: (client: WebSocket, socket: Socket) => void;
}

/** Makes the server of all live connections. */
export function liveServer(options: LiveOptions): LiveServer {
  const { read, clock, metrics, streams } = options;
  const labels = new LabelBook(read);
  const objects = stateObjects({ ...options, nowMs: clock.now });
  const state = new StateFeed({ read, objects, labels, clock, metrics, newestId: streams.newestId });
  const sessions = new Set<Session>();
  let timer: TimerHandle | undefined;
  metrics.gauge('http.live.active', () => sessions.size);
  metrics.gauge('http.live.removed-apps', () => labels.size);
  const beat = (): void => {
    timer = clock.after(heartbeatMs, beat);
    inSlices([...sessions], clock, (some) => {
      const frame = textFrame(JSON.stringify({ op: 'beat', id: streams.newestId() }));
      for (const session of some) session.beat(frame);
    });
  };
  streams.onClose(() => {
    for (const session of [...sessions]) session.connection.end('stopping');
  });
  return {
    isFull: () => sessions.size >= maxStreams,
    serve: (client, socket) => {
      const canInflate = client.extensions.includes('permessage-deflate');
      const connection: LiveConnection = { ...socketConnection(client, socket), canInflate };
      const session = new Session(connection, { ...options, labels, state });
      sessions.add(session);
      timer ??= clock.after(heartbeatMs, beat);
      client.on('message', (data, isBinary) => session.hear(data as Buffer, isBinary));
      client.on('close', () => {
        session.end();
        sessions.delete(session);
        if (sessions.size > 0) return;
        timer?.cancel();
        timer = undefined;
      });
    },
  };
}

interface SessionOptions extends LiveOptions {
  readonly labels: LabelBook;
  readonly state: StateFeed;
}

class Session {
  readonly connection: LiveConnection;
  readonly #options: SessionOptions;
  /** Name → how to end it. */
  readonly #subscriptions = new Map<string, () => void>();
  readonly #logs = new Set<string>();
  #isDeaf = false;
  #stalledBeats = 0;
  #sentAtLastBeat = 0;

  constructor(connection: LiveConnection, options: SessionOptions) {
    this.connection = connection;
    this.#options = options;
  }

  hear(data: Buffer, isBinary: boolean): void {
    // What it had sent before it was cut may still come.
    if (this.#isDeaf) return;
    // It talks and does not listen.
    if (this.connection.backlogBytes() > maxBacklogBytes) {
      this.#isDeaf = true;
      this.#options.metrics.count('http.live.deaf-clients-cut');
      this.connection.cut();
      return;
    }
    const frame = readFrame(data, isBinary);
    const refused = frame.ok ? this.#obey(frame.value) : frame.error;
    if (!refused) return;
    this.#options.metrics.count('http.live.errors');
    this.#say({ op: 'error', ...refused });
  }

  /** Tells that the server is there: pages see no pings. */
  beat(frame: Buffer): void {
    const { connection } = this;
    const sent = connection.sentBytes();
    const isStalled = connection.backlogBytes() > 0 && sent === this.#sentAtLastBeat;
    this.#sentAtLastBeat = sent;
    this.#stalledBeats = isStalled ? this.#stalledBeats + 1 : 0;
    if (this.#stalledBeats >= maxStalledBeats) {
      this.#options.metrics.count('http.event-streams.slow-readers-cut');
      connection.cut();
      return;
    }
    connection.beat();
    if (!isStalled) connection.write(frame);
  }

  end(): void {
    for (const leave of this.#subscriptions.values()) leave();
    this.#subscriptions.clear();
  }

  #obey(frame: ClientFrame): FrameError | undefined {
    if (frame.op === 'ping') {
      this.#say({ op: 'pong', id: this.#options.streams.newestId() });
      return undefined;
    }
    const { sub } = frame;
    const leave = this.#subscriptions.get(sub);
    if (frame.op === 'unsubscribe') {
      if (!leave) return { sub, code: 'unknownSub', message: 'There is no such subscription' };
      leave();
      this.#forget(sub);
      this.#say({ op: 'unsubscribed', sub });
      return undefined;
    }
    if (leave) return { sub, code: 'duplicateSub', message: 'There is a subscription of this name' };
    if (this.#subscriptions.size >= maxSubscriptions) {
      return { sub, code: 'tooManySubs', message: `A connection has at most ${maxSubscriptions} subscriptions` };
    }
    if (frame.stream === 'events') return this.#followEvents(frame);
    if (frame.stream === 'log') return this.#followLog(frame);
    this.#say({ op: 'subscribed', sub, id: this.#options.streams.newestId() });
    this.#subscriptions.set(sub, this.#options.state.subscribe(sub, this.connection, frame));
    return undefined;
  }

  #followEvents(frame: Extract<ClientFrame, { stream: 'events' }>): FrameError | undefined {
    const { sub, types, selection, since } = frame;
    const { streams, labels } = this.#options;
    const begin = streams.admit(since);
    if (!begin.ok) {
      const code = begin.error.code === 'unavailable' ? 'notReady' : 'badSince';
      return { sub, code, message: begin.error.message };
    }
    if (streams.isFull()) return { sub, code: 'full', message: 'Too many event streams' };
    this.#say({ op: 'subscribed', sub, id: streams.newestId() });
    const gapFrame = ({ from, to, reason, resync }: GapEvent): Buffer =>
      textFrame(JSON.stringify({ op: 'gap', sub, from, to, reason, resync }));
    const leave = streams.follow(
      {
        // The connection has a heartbeat of its own, whatever is subscribed.
        connection: { ...this.connection, beat: () => {} },
        format: liveFormat(sub),
        filter: liveFilter(types, selection, labels),
        wantsGaps: true,
        gapFrame,
      },
      begin.value,
    );
    this.#subscriptions.set(sub, leave);
    return undefined;
  }

  #followLog(frame: LogFrame): FrameError | undefined {
    const { sub } = frame;
    if (this.#logs.size >= maxLogs) {
      return { sub, code: 'tooManySubs', message: `A connection follows at most ${maxLogs} logs` };
    }
    this.#logs.add(sub);
    const leave = followLog(frame, {
      files: this.#options.taskFiles,
      connection: this.connection,
      say: (message) => this.#say(message),
      newestId: this.#options.streams.newestId,
      ended: () => this.#forget(sub),
    });
    this.#subscriptions.set(sub, leave);
    return undefined;
  }

  #forget(sub: string): void {
    this.#subscriptions.delete(sub);
    this.#logs.delete(sub);
  }

  #say(message: object): void {
    this.connection.write(textFrame(JSON.stringify(message)));
  }
}
