/** A session of a test's own, straight to the ensemble. */
import { systemClock } from '../../src/infra/clock.ts';
import { openSession, type SessionOptions, type ZooKeeperSession } from '../../src/infra/zookeeper/session.ts';
import { parseZkUrl } from '../../src/infra/zookeeper/zk-url.ts';
import { createSilentLogger, createSilentMetrics } from './null-observers.ts';

const sessionTimeoutMs = 20_000;

/** Opens one; its paths are below the path of the URL. */
export async function openTestSession(zkUrl: string, options: Partial<SessionOptions> = {}): Promise<ZooKeeperSession> {
  const servers = parseZkUrl(zkUrl);
  if (!servers.ok) throw new Error(servers.error);
  return openSession({
    servers: servers.value,
    sessionTimeoutMs,
    connectTimeoutMs: 20_000,
    clock: systemClock,
    logger: createSilentLogger(),
    metrics: createSilentMetrics(),
    name: 'test',
    ...options,
  });
}
