/** The real front door on the real actors, in virtual time: what a client of the API gets, without a port. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { InjectOptions, LightMyRequestResponse as Response } from 'fastify';
import { onTestFinished } from 'vitest';
import { type ApiConfig, defaultApiConfig } from '../../../src/api/dependencies.ts';
import { buildServer } from '../../../src/api/server.ts';
import { createMetricsRegistry } from '../../../src/infra/metrics/registry.ts';
import { FakeFiles } from '../../support/fake-files.ts';
import { createWorld, type World, type WorldOptions } from '../../support/world.ts';
import { expectMarathonLike } from './strict-client.ts';

const seen = ({ statusCode, headers, body }: Response) => ({ status: statusCode, headers, body });

export interface LiveApi {
  readonly world: World;
  /** One request; whatever it sets off has happened when the answer is there, as far as no time has to pass. */
  readonly ask: (method: InjectOptions['method'], url: string, body?: unknown, headers?: object) => Promise<Response>;
  /** Errors that the front door logged. */
  readonly errors: string[];
}

/** Builds one. `config` and `options` are what should differ from the defaults. */
export async function liveApi(config: Partial<ApiConfig> = {}, options: WorldOptions = {}): Promise<LiveApi> {
  return apiOn(await createWorld(options), config);
}

/** Another front door on the same world, as after a restart. */
export async function apiOn(world: World, config: Partial<ApiConfig> = {}): Promise<LiveApi> {
  const errors: string[] = [];
  const quiet = (): void => {};
  let level = 'info';
  const server = buildServer({
    read: world.read,
    control: world.control,
    events: world.orchestrator.events,
    metrics: createMetricsRegistry({ clock: world.clock, withProcess: false }),
    config: { ...defaultApiConfig, ...config },
    clock: world.clock,
    files: new FakeFiles().port,
    logLevel: {
      get: () => level,
      set: (to) => {
        level = to;
      },
    },
    logger: {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: (event, _fields, cause) => errors.push(`${event}: ${String(cause)}`),
    },
  });
  await server.ready();
  onTestFinished(async () => {
    await server.close();
  });
  const ask: LiveApi['ask'] = async (method, url, body, headers = {}) => {
    const isText = typeof body === 'string' || Buffer.isBuffer(body);
    const payload = body === undefined ? {} : { payload: isText ? body : JSON.stringify(body) };
    const asJson = body === undefined ? {} : { 'content-type': 'application/json' };
    let answer: Response | undefined;
    let failure: unknown;
    server.inject({ method, url, headers: { ...asJson, ...headers }, ...payload } as InjectOptions).then(
      (response) => {
        answer = response;
      },
      (error: unknown) => {
        failure = error ?? new Error('no answer');
      },
    );
    while (!answer) {
      if (failure) throw failure;
      await world.settle();
      await nextTurn();
    }
    await world.settle();
    if (!config.emitLegacyFields) expectMarathonLike({ ...seen(answer), method: method ?? 'GET', url });
    return answer;
  };
  return { world, ask, errors };
}
