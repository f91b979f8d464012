/** Health probes over real sockets (behaviour §6.2): HTTP, HTTPS with any certificate, TCP. */
import * as http from 'node:http';
import * as https from 'node:https';
import { connect } from 'node:net';
import type { ProbeRequest, ProbeResult, Prober } from '../actors/ports.ts';

/** Answers once, whatever happens, and not later than the time-out. */
export function createProber(): Prober {
  // A connection of its own for each probe: a kept one would hide that nobody accepts new ones any more.
  const agents = {
    HTTP: new http.Agent({ keepAlive: false }),
    HTTPS: new https.Agent({ keepAlive: false, rejectUnauthorized: false }),
  };
  return {
    probe: (request, done) => {
      let isOver = false;
      const finish = (result: ProbeResult): void => {
        if (isOver) return;
        isOver = true;
        done(result);
      };
      if (request.protocol === 'TCP') probeTcp(request, finish);
      else probeHttp(request, agents[request.protocol], finish);
    },
    close: () => {
      agents.HTTP.destroy();
      agents.HTTPS.destroy();
    },
  };
}

type Finish = (result: ProbeResult) => void;

const causeOf = (error: NodeJS.ErrnoException): string => error.code ?? error.message;

function probeTcp({ host, port, timeoutMs }: ProbeRequest, finish: Finish): void {
  const socket = connect({ host, port });
  const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
  socket.on('connect', () => {
    finish({ type: 'answered' });
    socket.destroy();
  });
  socket.on('error', (error) => finish({ type: 'failed', cause: causeOf(error) }));
  socket.on('close', () => {
    clearTimeout(timer);
    finish({ type: 'failed', cause: 'connection closed' });
  });
}

function probeHttp({ protocol, host, port, path, timeoutMs }: ProbeRequest, agent: http.Agent, finish: Finish): void {
  const send = protocol === 'HTTPS' ? https.request : http.request;
  let request: http.ClientRequest;
  try {
    request = send({
      host,
      port,
      path,
      agent,
      method: 'GET',
      headers: { 'User-Agent': 'ultramarathon', Accept: '*/*' },
    });
  } catch (error) {
    // A path that cannot be sent, for instance with a blank in it.
    finish({ type: 'failed', cause: error instanceof Error ? error.message : String(error) });
    return;
  }
  const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  request.on('response', (response) => {
    clearTimeout(timer);
    finish({ type: 'answered', status: response.statusCode ?? 0 });
    // The status is all that counts: the body may be endless.
    response.destroy();
  });
  // 1xx answers that are final in spirit: Node treats them as interim and would wait on.
  request.on('information', (info) => finish({ type: 'answered', status: info.statusCode }));
  request.on('error', (error) => {
    clearTimeout(timer);
    finish({ type: 'failed', cause: causeOf(error) });
  });
  request.end();
}
