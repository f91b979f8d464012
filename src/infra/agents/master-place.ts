/** Where the master's own endpoints are, given what the link says about it. */
import { parseMasters } from '../mesos/detector.ts';
import type { MasterPlace } from './agent-directory.ts';

const schedulerPath = '/api/v1/scheduler';

/**
 * `address` is the `host:port` that the link is connected to, `configured` the `--master` it began with. A master that the list names is spoken
 * to as it says there; any other one as the link speaks to it: by TLS if there are certificates, or if all that is configured is https.
 */
export function masterPlace(address: string, configured: string, hasCertificates: boolean): MasterPlace | undefined {
  const [here] = orNone(parseMasters(`http://${address}`));
  if (here === undefined) return undefined;
  const listed = orNone(parseMasters(configured));
  const named = listed.find(({ host, port }) => host === here.host && port === here.port);
  const isSecure = hasCertificates || (listed.length > 0 && listed.every(({ tls }) => tls));
  const prefix = named?.path.endsWith(schedulerPath) ? named.path.slice(0, -schedulerPath.length) : '';
  return { host: here.host, port: here.port, tls: named?.tls ?? isSecure, name: here.host, prefix: `${prefix}/master` };
}

const orNone = (parsed: ReturnType<typeof parseMasters>) => (parsed.ok ? parsed.value : []);
