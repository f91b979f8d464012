/** Choice of host ports (behaviour §2.5). */
import type { Range, Resource } from '../mesos/types.ts';
import type { PortsPiece } from './resources.ts';

/** What an entry asks for on the agent: a number = that port, 0 = any, undefined = none. */
export type PortRequest = number | undefined;

const sizeOf = ({ begin, end }: Range): number => end - begin + 1;

const contains = (ranges: readonly Range[], port: number): boolean => {
  for (const range of ranges) if (port >= range.begin && port <= range.end) return true;
  return false;
};

/**
 * One host port for each request, in the order of the requests, or undefined if the roles cannot have them all. Fixed
 * ports must be offered; any-ports are consecutive from a random start, with wrap-around, and avoid the fixed ports
 * of the same app (V95–V99). `random` is a source of numbers in [0, 1). Takes nothing yet.
 */
export function choosePorts(
  requests: readonly PortRequest[],
  pieces: readonly PortsPiece[],
  roles: readonly string[],
  random: () => number,
): readonly PortRequest[] | undefined {
  if (requests.length === 0) return requests;
  const ranges: Range[] = [];
  for (const piece of pieces) if (roles.includes(piece.role)) ranges.push(...piece.ranges);
  let wanted = 0;
  const fixed: number[] = [];
  for (const request of requests) {
    if (request === 0) wanted += 1;
    else if (request !== undefined) {
      if (!contains(ranges, request)) return undefined;
      fixed.push(request);
    }
  }
  if (wanted === 0) return requests;
  const any = randomPorts(ranges, wanted, fixed, random);
  if (any === undefined) return undefined;
  let next = 0;
  return requests.map((request) => (request === 0 ? any[next++] : request));
}

/** What the roles cannot give of the requested ports; nothing is missing exactly if `choosePorts` finds some. */
export interface PortShortage {
  /** Fixed ports that are not offered, in the order of the requests. */
  readonly fixed: readonly number[];
  /** Ports of any number that are missing besides. */
  readonly any: number;
}

const nothingMissing: PortShortage = { fixed: [], any: 0 };

/** Compares requested ports with those that the roles have, without choosing any. */
export function portShortage(
  requests: readonly PortRequest[],
  pieces: readonly PortsPiece[],
  roles: readonly string[],
): PortShortage {
  if (requests.length === 0) return nothingMissing;
  let free = 0;
  for (const piece of pieces) {
    if (roles.includes(piece.role)) for (const range of piece.ranges) free += sizeOf(range);
  }
  let any = 0;
  let fixed: Set<number> | undefined;
  let missing: number[] | undefined;
  for (const request of requests) {
    if (request === 0) any += 1;
    else if (request !== undefined && !fixed?.has(request)) {
      fixed ??= new Set();
      fixed.add(request);
      if (pieces.some((piece) => roles.includes(piece.role) && contains(piece.ranges, request))) free -= 1;
      else {
        missing ??= [];
        missing.push(request);
      }
    }
  }
  if (missing === undefined && any <= free) return nothingMissing;
  return { fixed: missing ?? [], any: Math.max(0, any - free) };
}

/**
 * `wanted` ports from the ranges seen as one ring whose ranges stand in random order, beginning at a uniformly random
 * port. Ports of one launch are neighbours then, and a port that has just been freed is unlikely to be handed out
 * again.
 */
function randomPorts(
  ranges: readonly Range[],
  wanted: number,
  fixed: readonly number[],
  random: () => number,
): readonly number[] | undefined {
  let total = 0;
  for (const range of ranges) total += sizeOf(range);
  if (total < wanted) return undefined;
  let offset = Math.floor(random() * total);
  let first = 0;
  for (let range = ranges[0]; range !== undefined && offset >= sizeOf(range); range = ranges[first]) {
    offset -= sizeOf(range);
    first += 1;
  }
  const start = ranges[first];
  if (start === undefined) return undefined;
  const ports: number[] = [];
  const collect = (begin: number, end: number): boolean => {
    for (let port = begin; port <= end && ports.length < wanted; port += 1) {
      if (!fixed.includes(port)) ports.push(port);
    }
    return ports.length === wanted;
  };
  if (collect(start.begin + offset, start.end)) return ports;
  for (const range of shuffled(ranges, first, random)) if (collect(range.begin, range.end)) return ports;
  return collect(start.begin, start.begin + offset - 1) ? ports : undefined;
}

/** All ranges but the one at `without`, in random order. */
function shuffled(ranges: readonly Range[], without: number, random: () => number): readonly Range[] {
  const rest = ranges.filter((_, i) => i !== without);
  for (let i = rest.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    const [a, b] = [rest[i], rest[j]];
    if (a && b) {
      rest[i] = b;
      rest[j] = a;
    }
  }
  return rest;
}

/**
 * Takes chosen ports out of the pieces and appends the consumed resources to `into`: one for each piece, ports in the
 * order chosen, consecutive ascending ones in one range. A port that two entries share (tcp and udp) is taken once.
 */
export function takePorts(
  pieces: readonly PortsPiece[],
  roles: readonly string[],
  ports: readonly PortRequest[],
  into: Resource[],
): void {
  const taken = new Map<PortsPiece, { begin: number; end: number }[]>();
  for (const port of ports) {
    if (port === undefined) continue;
    const piece = pieces.find((p) => roles.includes(p.role) && contains(p.ranges, port));
    if (!piece) continue;
    removePort(piece, port);
    const runs = taken.get(piece);
    const last = runs?.at(-1);
    if (last?.end === port - 1) last.end = port;
    else if (runs) runs.push({ begin: port, end: port });
    else taken.set(piece, [{ begin: port, end: port }]);
  }
  for (const [piece, range] of taken) into.push({ ...piece.resource, ranges: { range } });
}

function removePort(piece: PortsPiece, port: number): void {
  const { ranges } = piece;
  const index = ranges.findIndex(({ begin, end }) => port >= begin && port <= end);
  const range = ranges[index];
  if (range === undefined) return;
  const rest: Range[] = [];
  if (range.begin < port) rest.push({ begin: range.begin, end: port - 1 });
  if (range.end > port) rest.push({ begin: port + 1, end: range.end });
  ranges.splice(index, 1, ...rest);
}
