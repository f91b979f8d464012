/** Asks one address once over a socket of its own (behaviour §6.2): HTTP, HTTPS with any certificate, TCP; IPv4, IPv6 or a name. */
import type { Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ProbeRequest, ProbeResult } from '../../actors/ports.ts';
import type { Lookup } from './lookup.ts';
import type { StallMeter } from './stall.ts';
import { maxHeadBytes, requestText, scanAnswer } from './status-line.ts';

export interface AskTools {
  readonly lookup: Lookup;
  readonly stall: Pick<StallMeter, 'totalMs'>;
}

/** Errors of this machine, not of the task: out of sockets, ports, memory, or of an answer from the name server. */
const ownErrors: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EAGAIN',
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'EAI_MEMORY',
]);

/**
 * Calls `finish` exactly once, not later than the time-out allows. A failure while this thread stood still for more than half of
 * the time-out, or for want of its own means, is no verdict on the task: `notAsked`.
 */
export function ask(request: ProbeRequest, tools: AskTools, finish: (result: ProbeResult) => void): void {
  const { timeoutMs, protocol } = request;
  const stalledBeforeMs = tools.stall.totalMs();
  let isOver = false;
  let socket: Socket | undefined;
  const end = (result: ProbeResult): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    finish(result);
    socket?.destroy();
  };
  const fail = (cause: string): void => {
    const stalledMs = Math.round(tools.stall.totalMs() - stalledBeforeMs);
    if (stalledMs > timeoutMs / 2) end({ type: 'notAsked', reason: `the prober stood still for ${stalledMs} ms` });
    else end({ type: 'failed', cause });
  };
  const timer = setTimeout(() => {
    if (interim === undefined) fail(`no answer within ${timeoutMs} ms`);
    else end({ type: 'answered', status: interim });
  }, timeoutMs);
  let interim: number | undefined;
  let rest = '';
  try {
    socket = open(request, tools.lookup);
  } catch (error) {
    end({ type: 'failed', cause: error instanceof Error ? error.message : String(error) });
    return;
  }
  socket.on('error', (error: NodeJS.ErrnoException) => {
    const cause = error.code ?? error.message;
    if (ownErrors.has(cause)) end({ type: 'notAsked', reason: cause });
    else fail(cause);
  });
  socket.on('close', () => {
    if (interim === undefined) fail('connection closed without an answer');
    else end({ type: 'answered', status: interim });
  });
  if (protocol === 'TCP') {
    socket.on('connect', () => end({ type: 'answered' }));
    return;
  }
  const { path, port } = request;
  socket.on(protocol === 'HTTPS' ? 'secureConnect' : 'connect', () => {
    socket?.write(requestText(plainHost(request.host), port, path, protocol === 'HTTPS' ? 443 : 80));
  });
  socket.on('data', (bytes: Buffer) => {
    if (isOver) return;
    const scan = scanAnswer(rest + bytes.toString('latin1', 0, maxHeadBytes + 1), interim);
    if (scan.type === 'status') end({ type: 'answered', status: scan.status });
    else if (scan.type === 'invalid') fail('the answer is not HTTP/1');
    else {
      rest = scan.rest;
      interim = scan.interim;
    }
  });
}

/** Without the brackets in which IPv6 addresses are written in URLs. */
const plainHost = (host: string): string => (host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host);

function open({ protocol, host, port }: ProbeRequest, lookup: Lookup): Socket {
  const name = plainHost(host);
  // A connection of its own for each probe: a kept one would hide that nobody accepts new ones any more.
  const address = { host: name, port, lookup };
  if (protocol !== 'HTTPS') return connect(address);
  return connectTls({
    ...address,
    rejectUnauthorized: false,
    // Health checks are no place to insist on what old tasks cannot speak.
    minVersion: 'TLSv1',
    ...(isIP(name) === 0 ? { servername: name } : {}),
  });
}
