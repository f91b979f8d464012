/**
 * A TCP relay on loopback whose connections can be cut, held, slowed or broken at a chosen byte: how tests get a network that
 * fails between two programs without touching either.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

/** `toTarget`: what the client sent. `toClient`: what it gets. */
export type Direction = 'toTarget' | 'toClient';
export type StallDirection = Direction | 'both';

/** `reset`: connections end with RST, new ones at once. `blackHole`: they stay open and no byte passes, new ones too. */
export type CutKind = 'reset' | 'blackHole';

/** What arrived at the relay on one connection. */
export interface Passing {
  readonly connection: number;
  readonly direction: Direction;
  readonly data: Buffer;
}

/** Pass it all; or pass these bytes in its place, and then perhaps break the connection by RST. */
export type Verdict = 'pass' | { readonly pass: Buffer; readonly thenBreak: boolean };

/** Looks at everything that arrives, in order, before it is passed on. */
export type Inspector = (passing: Passing) => Verdict;

export interface Relay {
  /** `host:port` that clients connect to. */
  readonly address: string;
  /** From now on nothing passes, until `heal`. */
  readonly cut: (kind?: CutKind) => void;
  /** Ends a cut. What a black hole held is passed on, as TCP would by repeating it. */
  readonly heal: () => void;
  /** Holds the bytes of a direction, in order, until `flow`. */
  readonly stall: (direction?: StallDirection) => void;
  readonly flow: () => void;
  /** Everything that arrives from now on is passed on so much later, in order. 0 ends it. */
  readonly delay: (delayMs: number) => void;
  /** What arrives from now on passes in pieces of so many bytes, one every few ms for each connection. 0 ends it. */
  readonly trickle: (bytes: number) => void;
  /** Passes that many more bytes of a direction, counted over all connections, and then breaks the connection they came on. */
  readonly breakAfter: (direction: Direction, bytes: number) => void;
  /** Replaces the inspector; undefined: everything passes. */
  readonly inspect: (inspector: Inspector | undefined) => void;
  /** Sends bytes to one side of a connection as if the other side had, behind what is held; false if it is gone. */
  readonly inject: (connection: number, direction: Direction, data: Buffer) => boolean;
  /** Ends these connections by RST, or all; new ones are welcome. */
  readonly reset: (connection?: number) => void;
  /** Connections at this moment. */
  readonly connections: () => number;
  /** Connections since the start. */
  readonly accepted: () => number;
  /** Bytes passed on since the start. */
  readonly passed: (direction: Direction) => number;
  readonly close: () => Promise<void>;
}

/** More held bytes than this mean that a test forgot to let them go. */
const maxHeldBytes = 256 * 1024 * 1024;
/** Between two pieces of what trickles. */
const trickleMs = 2;

interface Held {
  /** Undefined: the end of the stream. */
  readonly data: Buffer | undefined;
  readonly dueMs: number;
}

interface Lane {
  readonly from: Socket;
  readonly to: Socket;
  readonly queue: Held[];
  timer: NodeJS.Timeout | undefined;
}

interface Link {
  readonly id: number;
  readonly lanes: Readonly<Record<Direction, Lane>>;
}

interface State {
  readonly links: Map<number, Link>;
  readonly passed: Record<Direction, number>;
  readonly stalled: Set<Direction>;
  cut: CutKind | undefined;
  delayMs: number;
  trickleBytes: number;
  heldBytes: number;
  accepted: number;
  inspector: Inspector | undefined;
}

/** Starts a relay to `host:port` on a free port of loopback. */
export async function startRelay(target: string): Promise<Relay> {
  const state: State = {
    links: new Map(),
    passed: { toTarget: 0, toClient: 0 },
    stalled: new Set(),
    cut: undefined,
    delayMs: 0,
    trickleBytes: 0,
    heldBytes: 0,
    accepted: 0,
    inspector: undefined,
  };
  const server = createServer({ allowHalfOpen: true }, (client) => accept(state, client, target));
  const port = await listen(server);
  return { address: `127.0.0.1:${port}`, ...controls(state), close: () => closeAll(state, server) };
}

function controls(state: State): Omit<Relay, 'address' | 'close'> {
  const pumpAll = (): void => {
    for (const link of [...state.links.values()]) pumpBoth(state, link);
  };
  return {
    cut: (kind = 'reset') => {
      state.cut = kind;
      if (kind === 'reset') for (const link of [...state.links.values()]) breakLink(state, link);
    },
    heal: () => {
      state.cut = undefined;
      pumpAll();
    },
    stall: (direction = 'both') => {
      for (const one of direction === 'both' ? (['toTarget', 'toClient'] as const) : [direction])
        state.stalled.add(one);
    },
    flow: () => {
      state.stalled.clear();
      pumpAll();
    },
    delay: (delayMs) => {
      state.delayMs = delayMs;
    },
    trickle: (bytes) => {
      state.trickleBytes = bytes;
    },
    breakAfter: (direction, bytes) => {
      let left = bytes;
      state.inspector = (passing) => {
        if (passing.direction !== direction) return 'pass';
        if (passing.data.length < left) {
          left -= passing.data.length;
          return 'pass';
        }
        state.inspector = undefined;
        return { pass: passing.data.subarray(0, left), thenBreak: true };
      };
    },
    inspect: (inspector) => {
      state.inspector = inspector;
    },
    inject: (id, direction, data) => {
      const link = state.links.get(id);
      const lane = link?.lanes[direction];
      if (link === undefined || lane === undefined || lane.to.destroyed) return false;
      if (lane.queue.length > 0) hold(state, link, direction, data);
      else lane.to.write(data);
      return true;
    },
    reset: (id) => {
      for (const link of [...state.links.values()]) if (id === undefined || link.id === id) breakLink(state, link);
    },
    connections: () => state.links.size,
    accepted: () => state.accepted,
    passed: (direction) => state.passed[direction],
  };
}

function accept(state: State, client: Socket, target: string): void {
  if (state.cut === 'reset') {
    client.on('error', () => {});
    client.resetAndDestroy();
    return;
  }
  const at = target.lastIndexOf(':');
  const upstream = connect({ host: target.slice(0, at), port: Number(target.slice(at + 1)), allowHalfOpen: true });
  for (const socket of [client, upstream]) socket.setNoDelay(true);
  const lane = (from: Socket, to: Socket): Lane => ({ from, to, queue: [], timer: undefined });
  const id = ++state.accepted;
  const link: Link = { id, lanes: { toTarget: lane(client, upstream), toClient: lane(upstream, client) } };
  state.links.set(id, link);
  for (const direction of ['toTarget', 'toClient'] as const) {
    const { from } = link.lanes[direction];
    from.on('data', (data: Buffer) => arrive(state, link, direction, data));
    from.on('end', () => hold(state, link, direction, undefined));
    // A refused or broken connection of one side is a broken one of the other.
    from.on('error', () => breakLink(state, link));
    from.on('close', () => {
      if (link.lanes.toTarget.from.destroyed && link.lanes.toClient.from.destroyed) forget(state, link);
    });
  }
}

function arrive(state: State, link: Link, direction: Direction, data: Buffer): void {
  const verdict = state.inspector?.({ connection: link.id, direction, data }) ?? 'pass';
  if (verdict === 'pass' || !verdict.thenBreak) {
    const passed = verdict === 'pass' ? data : verdict.pass;
    if (passed.length > 0) hold(state, link, direction, passed);
    return;
  }
  const { to, from, queue } = link.lanes[direction];
  from.pause();
  for (const { data: held } of queue.splice(0)) {
    state.heldBytes -= held?.length ?? 0;
    if (held !== undefined) to.write(held);
  }
  state.passed[direction] += verdict.pass.length;
  if (verdict.pass.length === 0) breakLink(state, link);
  else to.write(verdict.pass, () => breakLink(state, link));
}

function hold(state: State, link: Link, direction: Direction, data: Buffer | undefined): void {
  state.heldBytes += data?.length ?? 0;
  if (state.heldBytes > maxHeldBytes) throw new Error('the relay holds too much');
  const { queue } = link.lanes[direction];
  const size = state.trickleBytes > 0 && data !== undefined ? state.trickleBytes : Number.POSITIVE_INFINITY;
  let dueMs = Math.max(performance.now() + state.delayMs, queue.at(-1)?.dueMs ?? 0);
  if (data === undefined || data.length <= size) queue.push({ data, dueMs });
  else {
    for (let at = 0; at < data.length; at += size, dueMs += trickleMs) {
      queue.push({ data: data.subarray(at, at + size), dueMs });
    }
  }
  pump(state, link, direction);
}

function pumpBoth(state: State, link: Link): void {
  pump(state, link, 'toTarget');
  pump(state, link, 'toClient');
}

/** Passes on what is due and not held. */
function pump(state: State, link: Link, direction: Direction): void {
  const lane = link.lanes[direction];
  while (state.cut === undefined && !state.stalled.has(direction)) {
    const next = lane.queue[0];
    if (next === undefined) return;
    const waitMs = next.dueMs - performance.now();
    if (waitMs > 0) {
      lane.timer ??= setTimeout(() => {
        lane.timer = undefined;
        pump(state, link, direction);
      }, waitMs);
      return;
    }
    lane.queue.shift();
    if (next.data === undefined) lane.to.end();
    else {
      state.heldBytes -= next.data.length;
      state.passed[direction] += next.data.length;
      if (!lane.to.destroyed) lane.to.write(next.data);
    }
  }
}

function breakLink(state: State, link: Link): void {
  for (const { from } of Object.values(link.lanes)) if (!from.destroyed) from.resetAndDestroy();
  forget(state, link);
}

function forget(state: State, link: Link): void {
  if (!state.links.delete(link.id)) return;
  for (const lane of Object.values(link.lanes)) {
    clearTimeout(lane.timer);
    for (const { data } of lane.queue.splice(0)) state.heldBytes -= data?.length ?? 0;
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

function closeAll(state: State, server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  for (const link of [...state.links.values()]) breakLink(state, link);
  return closed;
}
