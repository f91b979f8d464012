/** The prober's thread: opens the sockets, keeps their time-outs, and sends the answers home many at a time. */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { ProbeResult } from '../../actors/ports.ts';
import { createFifo } from '../mesos/fifo.ts';
import { ask } from './ask.ts';
import { askWithBody } from './body-ask.ts';
import { createLookup } from './lookup.ts';
import { createStallMeter } from './stall.ts';
import type { WireAnswer, WireRequest } from './wire.ts';
import { answerGatherMs, maxSockets } from './wire.ts';

/** Connections that are begun in one turn: a burst must not hold up the answers and time-outs of others. */
const openedPerTurn = 64;

const home = parentPort;
if (!home) throw new Error('this file is the prober worker, started by prober.ts');

/** Where cores are scarce the leader's loop goes first: a late probe is no failure, a late leader delays everything. */
const niceness = 5;
if (process.platform === 'linux') {
  try {
    // Linux schedules threads by numbers of their own: the end of `<pid>/task/<tid>`.
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), niceness);
  } catch (error) {
    process.emitWarning(`the prober keeps the priority of the leader: ${String(error)}`);
  }
}

const tools = { lookup: createLookup(), stall: createStallMeter() };
/** Bounded by `maxOutstanding` on the other side. */
const waiting = createFifo<WireRequest>();
let inFlight = 0;
let isOpening = false;
let answers: WireAnswer[] = [];

home.on('message', (requests: readonly WireRequest[]) => {
  for (const request of requests) waiting.push(request);
  openSome();
});

function openSome(): void {
  if (isOpening) return;
  isOpening = true;
  setImmediate(() => {
    isOpening = false;
    for (let opened = 0; opened < openedPerTurn && inFlight < maxSockets; opened++) {
      const request = waiting.shift();
      if (!request) return;
      begin(request);
    }
    if (waiting.size() > 0 && inFlight < maxSockets) openSome();
  });
}

function begin([id, protocol, host, port, path, timeoutMs, bodyBytes]: WireRequest): void {
  inFlight++;
  const request = { protocol, host, port, path, timeoutMs };
  const done = (result: ProbeResult): void => {
    inFlight--;
    answers.push(wireAnswer(id, result));
    if (answers.length === 1) setTimeout(flush, answerGatherMs);
    if (waiting.size() > 0) openSome();
  };
  if (bodyBytes > 0 && protocol !== 'TCP') askWithBody({ ...request, bodyBytes }, done);
  else ask(request, tools, done);
}

function wireAnswer(id: number, result: ProbeResult): WireAnswer {
  if (result.type === 'answered') {
    const { status = 0, contentType = '', body } = result;
    return body === undefined ? [id, 'answered', status] : [id, 'answered', status, contentType, body];
  }
  return [id, result.type, result.type === 'failed' ? result.cause : result.reason];
}

function flush(): void {
  const sent = answers;
  answers = [];
  home?.postMessage(sent);
}
