/** The command `ultramarathon server`, and the part of `start` that is the server: wires everything and listens. */
import { fileURLToPath } from 'node:url';
import { createOrchestrator } from './actors/orchestrator.ts';
import type { Logger } from './actors/ports.ts';
import type { ApiConfig } from './api/dependencies.ts';
import { defaultMaxBodyBytes } from './api/dependencies.ts';
import { listen } from './api/listen.ts';
import { buildServer } from './api/server.ts';
import { infoConfig } from './config/info.ts';
import type { ServerConfig } from './config/server-config.ts';
import type { Result } from './core/result.ts';
import { err, ok } from './core/result.ts';
import { withBodies } from './infra/body-probe.ts';
import { systemClock } from './infra/clock.ts';
import { lockDataDirectory } from './infra/data-directory.ts';
import { systemIds } from './infra/ids.ts';
import { openLmdbJournal } from './infra/lmdb-journal.ts';
import { createLogger } from './infra/logger.ts';
import { createMesosLink } from './infra/mesos/link.ts';
import { createMetricsRegistry } from './infra/metrics/registry.ts';
import { createProber } from './infra/prober.ts';

export interface RunningServer {
  /** `http(s)://host:port` of API and UI. */
  readonly url: string;
  readonly logger: Logger;
  /** Stops cleanly. With `teardown` the framework and its tasks end too. */
  readonly stop: (teardown: boolean) => Promise<void>;
}

/** Starts everything, or gives the one line that says why not and leaves nothing behind. */
export async function startServer(config: ServerConfig): Promise<Result<RunningServer, string>> {
  const logger = createLogger(config.loggingLevel);
  const metrics = createMetricsRegistry({ clock: systemClock });
  const directory = await lockDataDirectory(config.dataDir);
  if (!directory.ok) return directory;
  const store = openLmdbJournal({
    directory: directory.value.path,
    clock: systemClock,
    ids: systemIds,
    logger,
    metrics,
  });
  const prober = withBodies(createProber());
  const { framework, master, mesosCredentials, missedHeartbeats, settings } = config;
  const shared = { clock: systemClock, ids: systemIds, logger, metrics };
  // The port is known only once it is open, and the open port needs the read model.
  const address = { port: config.http?.port ?? config.https?.port ?? 0 };
  const orchestrator = createOrchestrator({
    ...shared,
    store,
    prober,
    settings,
    createLink: () =>
      createMesosLink({
        ...shared,
        master,
        framework,
        missedHeartbeats,
        ...(mesosCredentials ? { credentials: mesosCredentials } : {}),
      }),
    advertisedAddress: () => `${config.hostname}:${address.port}`,
  });
  const { read, control, events } = orchestrator;
  const api = apiConfig(config);
  const server = buildServer({ read, control, events, metrics, config: api, clock: systemClock, logger });
  const { http, https, tls } = config;
  const listening = await listen(server, {
    ...(http ? { http } : {}),
    ...(https ? { https } : {}),
    ...(tls ? { tls } : {}),
  });
  const release = async (): Promise<void> => {
    prober.close();
    await directory.value.release();
  };
  if (!listening.ok) {
    await release();
    return err(listening.error.message);
  }
  address.port = listening.value.httpPort ?? listening.value.httpsPort ?? 0;
  try {
    await orchestrator.start();
  } catch (error) {
    await listening.value.close();
    await release();
    return err(
      `the store in ${config.dataDir} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const scheme = listening.value.httpPort === undefined ? 'https' : 'http';
  return ok({
    url: `${scheme}://${config.hostname}:${address.port}`,
    logger,
    stop: async (teardown) => {
      await listening.value.close();
      await orchestrator.stop(teardown);
      await release();
    },
  });
}

function apiConfig(config: ServerConfig): ApiConfig {
  return {
    ...(config.credentials ? { credentials: config.credentials } : {}),
    realm: config.realm,
    ...(config.tls ? { tls: config.tls } : {}),
    corsOrigins: config.corsOrigins,
    hostname: config.hostname,
    httpPort: config.http?.port ?? 0,
    httpsPort: config.https?.port ?? 0,
    disableHttp: config.http === undefined,
    compression: config.compression,
    maxBodyBytes: defaultMaxBodyBytes,
    info: infoConfig(config),
    emitLegacyFields: config.emitLegacyFields,
    uiDirectory: fileURLToPath(new URL('../ui', import.meta.url)),
  };
}
