/** The command `ultramarathon server`, and the part of `start` that is the server: wires everything and listens. */
import { fileURLToPath } from 'node:url';
import type { ReadModel } from './actors/front.ts';
import { createOrchestrator } from './actors/orchestrator.ts';
import type { Logger, MesosLink, SandboxFiles } from './actors/ports.ts';
import type { ApiConfig } from './api/dependencies.ts';
import { defaultMaxBodyBytes, defaultProxyLimits } from './api/dependencies.ts';
import { listen } from './api/listen.ts';
import { eventJson } from './api/render/event.ts';
import { buildServer } from './api/server.ts';
import { fileBackups } from './backup/port.ts';
import { programVersion } from './backup/program-version.ts';
import { infoConfig } from './config/info.ts';
import type { ServerConfig } from './config/server-config.ts';
import type { Result } from './core/result.ts';
import { err, ok } from './core/result.ts';
import { masterPlace } from './infra/agents/master-place.ts';
import { createSandboxFiles } from './infra/agents/sandbox-files.ts';
import { createCallbackPoster } from './infra/callback-poster.ts';
import { systemClock } from './infra/clock.ts';
import { systemIds } from './infra/ids.ts';
import { createLogger } from './infra/logger.ts';
import { createMesosLink } from './infra/mesos/link.ts';
import { basicAuthorization, createMasterDetector } from './infra/mesos/link-options.ts';
import { createMesosProbe } from './infra/mesos/reach.ts';
import { createMetricsRegistry } from './infra/metrics/registry.ts';
import { createProber } from './infra/prober.ts';
import { candidateOf, openStore, type Surroundings } from './store.ts';

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
  const shared = { clock: systemClock, ids: systemIds, logger, metrics };
  const opened = await openStore(config, shared);
  if (!opened.ok) return opened;
  const { store, election } = opened.value;
  const prober = createProber({ clock: systemClock, logger, metrics });
  const poster = config.callbacks && createCallbackPoster({ clock: systemClock, render: eventJson });
  const { master, mesosTls: tlsToMesos } = config;
  const mesosProbe = createMesosProbe(
    createMasterDetector({ ...shared, master, ...(tlsToMesos ? { tls: tlsToMesos } : {}) }),
  );
  // The port is known only once it is open, and the open port needs the read model.
  const address = { port: config.http?.port ?? config.https?.port ?? 0 };
  const advertisedAddress = (): string => `${config.hostname}:${address.port}`;
  const orchestrator = createOrchestrator({
    ...shared,
    store,
    ...(election ? { election } : {}),
    candidate: () => candidateOf(config, advertisedAddress(), programVersion(), true),
    probeMesos: mesosProbe.probe,
    backups: fileBackups,
    prober,
    settings: config.settings,
    ...(poster && config.callbacks ? { callbacks: { poster, settings: config.callbacks } } : {}),
    createLink: (beforeSubscribe) => linkOf(config, shared, beforeSubscribe, orchestrator.read),
    advertisedAddress,
  });
  const { read, control, events } = orchestrator;
  const api = apiConfig(config, election ? advertisedAddress : undefined);
  const files = filesOf(config, shared, read);
  const server = buildServer({
    read,
    control,
    events,
    metrics,
    config: api,
    clock: systemClock,
    logger,
    files,
    logLevel: logger.level,
  });
  const { http, https, tls } = config;
  const listening = await listen(server, {
    ...(http ? { http } : {}),
    ...(https ? { https } : {}),
    ...(tls ? { tls } : {}),
  });
  const release = async (): Promise<void> => {
    prober.close();
    files.close();
    poster?.close();
    mesosProbe.stop();
    await opened.value.release();
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
    return err(`${opened.value.name} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
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

function linkOf(
  config: ServerConfig,
  shared: Surroundings,
  beforeSubscribe: () => Promise<boolean>,
  read: ReadModel,
): MesosLink {
  const { framework, master, mesosCredentials, mesosTls, missedHeartbeats, registerAnew } = config;
  return createMesosLink({
    ...shared,
    master,
    framework,
    missedHeartbeats,
    beforeSubscribe,
    mayRegisterAnew: () => registerAnew || hasNoInstances(read),
    ...(mesosTls ? { tls: mesosTls } : {}),
    ...(mesosCredentials ? { credentials: mesosCredentials } : {}),
  });
}

/** Agents are asked with the credentials and certificates that the master gets. */
function filesOf(config: ServerConfig, shared: Surroundings, read: ReadModel): SandboxFiles {
  const { master, mesosTls, mesosCredentials } = config;
  return createSandboxFiles({
    ...shared,
    master: () => {
      const { mesosMaster } = read.cluster();
      return mesosMaster === undefined ? undefined : masterPlace(mesosMaster, master, mesosTls !== undefined);
    },
    frameworkId: () => read.cluster().frameworkId,
    authorization: basicAuthorization(mesosCredentials),
    tls: mesosTls,
  });
}

/** No instance has ever been handed to Mesos: a lost framework id loses nothing. */
function hasNoInstances(read: ReadModel): boolean {
  for (const { id } of read.apps()) {
    for (const { condition } of read.instancesOf(id)) if (condition !== 'Scheduled') return false;
  }
  return true;
}

/** `ownAddress` is there if there may be other servers. */
function apiConfig(config: ServerConfig, ownAddress: (() => string) | undefined): ApiConfig {
  return {
    ...(ownAddress ? { proxy: { ...defaultProxyLimits, ...config.leaderProxy, ownAddress } } : {}),
    ...(config.credentials ? { credentials: config.credentials } : {}),
    realm: config.realm,
    ...(config.tls ? { tls: config.tls } : {}),
    corsOrigins: config.corsOrigins,
    ...(config.framework.webui_url === undefined ? {} : { webuiUrl: config.framework.webui_url }),
    hostname: config.hostname,
    httpPort: config.http?.port ?? 0,
    httpsPort: config.https?.port ?? 0,
    disableHttp: config.http === undefined,
    compression: config.compression,
    maxBodyBytes: defaultMaxBodyBytes,
    maxConcurrentRequests: config.maxConcurrentRequests,
    info: infoConfig(config),
    emitLegacyFields: config.emitLegacyFields,
    hasCallbacks: config.callbacks !== undefined,
    safeGroupUpdates: config.safeGroupUpdates,
    uiDirectory: fileURLToPath(new URL('../ui', import.meta.url)),
  };
}
