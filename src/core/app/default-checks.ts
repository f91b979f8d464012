/** Defaults of health and readiness checks (rest-api §7.6, §7.8). */
import type { HealthCheckBody } from './bodies.ts';
import type { HealthCheck, ReadinessCheck } from './definition.ts';

/** Every applicable member with its default; members that mean nothing to the protocol are dropped. */
export function healthCheckWithDefaults(body: HealthCheckBody, portCount: number): HealthCheck {
  const protocol = body.command ? 'COMMAND' : (body.protocol ?? 'HTTP');
  return {
    protocol,
    ...(protocol === 'COMMAND' ? commandOf(body) : addressOf(body, protocol, portCount)),
    gracePeriodSeconds: body.gracePeriodSeconds ?? 300,
    intervalSeconds: body.intervalSeconds ?? 60,
    timeoutSeconds: body.timeoutSeconds ?? 20,
    maxConsecutiveFailures: body.maxConsecutiveFailures ?? 3,
    delaySeconds: body.delaySeconds ?? 15,
  };
}

const commandOf = (body: HealthCheckBody) => (body.command ? { command: body.command } : {});

function addressOf(body: HealthCheckBody, protocol: HealthCheck['protocol'], portCount: number) {
  const isHttp = protocol !== 'TCP' && protocol !== 'MESOS_TCP';
  const isFirst = body.port === undefined && body.portIndex === undefined && portCount > 0;
  return {
    ...(isHttp ? { path: body.path ?? '/' } : {}),
    ...(body.port === undefined ? {} : { port: body.port }),
    ...(body.portIndex === undefined ? {} : { portIndex: body.portIndex }),
    ...(isFirst ? { portIndex: 0 } : {}),
    ...(protocol === 'HTTP' || protocol === 'HTTPS' ? { ignoreHttp1xx: body.ignoreHttp1xx ?? false } : {}),
    ipProtocol: body.ipProtocol ?? 'IPv4',
  };
}

/** A readiness check without status codes wants 200. */
export const readinessCheckWithDefaults = (body: Partial<ReadinessCheck>): ReadinessCheck => ({
  name: body.name ?? 'readinessCheck',
  protocol: body.protocol ?? 'HTTP',
  path: body.path ?? '/',
  portName: body.portName ?? 'http-api',
  intervalSeconds: body.intervalSeconds ?? 30,
  timeoutSeconds: body.timeoutSeconds ?? 10,
  httpStatusCodesForReady:
    body.httpStatusCodesForReady && body.httpStatusCodesForReady.length > 0 ? body.httpStatusCodesForReady : [200],
  preserveLastResponse: body.preserveLastResponse ?? false,
});
