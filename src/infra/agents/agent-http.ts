/** Requests to agents and to the master about files: no redirects, limits for every wait, credentials only where the link sends them. */
import * as http from 'node:http';
import * as https from 'node:https';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { Clock, FilesFailure } from '../../actors/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { TlsSettings } from '../mesos/sender.ts';

/** An answer that is read as a whole must be here within this time. */
export const answerTimeoutMs = 10_000;
/** A download may stand still for so long, whoever is slow. */
export const stallTimeoutMs = 60_000;
/** Largest answer that is read as a whole. 64 KiB of a file in base64 are 88 KiB; the rest is for lists of files. */
export const maxAnswerBytes = 4 * 1024 * 1024;
/** Connections to one agent. */
const maxSocketsPerAgent = 8;
/** Idle connections are kept for so long. */
const keepAliveMs = 15_000;
/** What an error of an agent is shown of, in characters. */
const shownErrorLength = 200;

export interface AgentHost {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Certified as this, or as `host`. */
  readonly name: string;
}

export interface AgentRequest {
  readonly to: AgentHost;
  readonly path: string;
  /** Posted as JSON; a GET otherwise. */
  readonly body?: object;
}

interface Attempt extends AgentRequest {
  /** Its body may be long, and need not come within the time for an answer. */
  readonly isStream?: boolean;
}

export interface AgentHttpOptions {
  readonly clock: Clock;
  /** Value of the Authorization header. */
  readonly authorization: string | undefined;
  readonly tls: TlsSettings | undefined;
}

type Asked<T> = Promise<Result<T, FilesFailure>>;

export const away = (reason: string): FilesFailure => ({ kind: 'away', reason });

export class AgentHttp {
  readonly #options: AgentHttpOptions;
  readonly #agents = {
    plain: new http.Agent({ keepAlive: true, maxSockets: maxSocketsPerAgent, timeout: keepAliveMs }),
    secure: new https.Agent({ keepAlive: true, maxSockets: maxSocketsPerAgent, timeout: keepAliveMs }),
  };
  readonly #open = new Set<http.ClientRequest>();

  constructor(options: AgentHttpOptions) {
    this.#options = options;
  }

  /** The JSON of a 200. */
  async json(asked: AgentRequest): Asked<unknown> {
    const answer = await this.#exchange(asked, readWhole);
    if (!answer.ok) return answer;
    try {
      return ok(JSON.parse(answer.value.toString('utf8')));
    } catch {
      return err(away(`${shown(asked.to)} answered something that is not JSON`));
    }
  }

  /** A 200 whose body is still to come, on a connection of its own. */
  stream(asked: AgentRequest): Asked<http.IncomingMessage> {
    return this.#exchange({ ...asked, isStream: true }, (response) => Promise.resolve(ok(response)));
  }

  close(): void {
    for (const request of this.#open) request.destroy();
    this.#agents.plain.destroy();
    this.#agents.secure.destroy();
  }

  #exchange<T>(asked: Attempt, take: (response: http.IncomingMessage, to: AgentHost) => Asked<T>): Asked<T> {
    return new Promise((resolve) => {
      let request: http.ClientRequest | undefined;
      const late = (): void => {
        request?.destroy(new Error('no answer in time'));
      };
      const timer = this.#options.clock.after(answerTimeoutMs, late);
      const attempt = (isSecond: boolean): void => {
        request = this.#ask(asked, take, (result, isStale) => {
          if (isStale && !isSecond) attempt(true);
          else {
            timer.cancel();
            resolve(result);
          }
        });
      };
      attempt(false);
    });
  }

  /** Tells the outcome, and whether the agent closed a kept connection while the question was on its way. Later calls mean nothing. */
  #ask<T>(
    asked: Attempt,
    take: (response: http.IncomingMessage, to: AgentHost) => Asked<T>,
    tell: (result: Result<T, FilesFailure>, isStale: boolean) => void,
  ): http.ClientRequest {
    const { to } = asked;
    const request = this.#send(asked);
    let isTold = false;
    const finish = (result: Result<T, FilesFailure>, isStale = false): void => {
      if (!isTold) tell(result, isStale);
      isTold = true;
    };
    this.#open.add(request);
    request.on('close', () => this.#open.delete(request));
    request.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = request.reusedSocket && error.code === 'ECONNRESET';
      finish(err(away(`${shown(to)} cannot be asked: ${error.code ?? error.message}`)), isStale);
    });
    request.on('response', (response) => {
      if (asked.isStream) {
        request.setTimeout(stallTimeoutMs, () => response.destroy(new Error('the agent or the reader stalled')));
      }
      const taken = response.statusCode === 200 ? take(response, to) : refusal(response, to);
      taken.then(finish, (error: Error) => finish(err(away(`${shown(to)} broke off: ${error.message}`))));
    });
    request.end(asked.body === undefined ? undefined : JSON.stringify(asked.body));
    return request;
  }

  #send({ to, path, body, isStream }: Attempt): http.ClientRequest {
    const { authorization, tls } = this.#options;
    const headers: http.OutgoingHttpHeaders = { Accept: 'application/json', 'User-Agent': 'ultramarathon' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (authorization !== undefined) headers['Authorization'] = authorization;
    const method = body === undefined ? 'GET' : 'POST';
    const common = { host: to.host, port: to.port, path, method, headers };
    if (!to.tls) return http.request({ ...common, agent: isStream ? false : this.#agents.plain });
    const agent = isStream ? false : this.#agents.secure;
    return https.request({ ...common, ...tls, agent, checkServerIdentity: isEither(to) });
  }
}

const shown = ({ host, port }: AgentHost): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Agents are reached by their address and may be certified by their name. */
const isEither =
  ({ name, host }: AgentHost) =>
  (_asked: string, certificate: PeerCertificate): Error | undefined => {
    const byName = checkServerIdentity(name, certificate);
    return byName === undefined ? undefined : (checkServerIdentity(host, certificate) ?? undefined);
  };

async function readWhole(response: http.IncomingMessage, to: AgentHost): Asked<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxAnswerBytes) return err(away(`${shown(to)} answered more than ${maxAnswerBytes} bytes`));
    chunks.push(chunk);
  }
  return ok(Buffer.concat(chunks));
}

async function refusal(response: http.IncomingMessage, to: AgentHost): Asked<never> {
  const status = response.statusCode ?? 0;
  const said = await readWhole(response, to);
  const text = said.ok ? said.value.toString('utf8').trim().slice(0, shownErrorLength) : '';
  switch (status) {
    case 400:
      return err({ kind: 'refused', reason: text === '' ? 'the agent refuses the request' : text });
    case 404:
      return err({ kind: 'notFound', reason: 'there is no such file' });
    case 401:
    case 403:
      return err(away(`${shown(to)} refuses this server's credentials (${status})`));
    default:
      return err(away(`${shown(to)} answered ${status}`));
  }
}
