/** Health checks, checks and readiness checks as requests carry them (rest-api §7.6–7.8). */
import { Type } from 'typebox';
import { flag, int, nonEmptyText, oneOf, optional, port, text } from './parts.ts';

export const healthCheck = Type.Object({
  protocol: optional(oneOf('HTTP', 'HTTPS', 'TCP', 'COMMAND', 'MESOS_HTTP', 'MESOS_HTTPS', 'MESOS_TCP')),
  path: optional(text),
  portIndex: optional(port),
  port: optional(port),
  command: optional(Type.Object({ value: nonEmptyText })),
  gracePeriodSeconds: optional(int()),
  intervalSeconds: optional(int()),
  timeoutSeconds: optional(int()),
  maxConsecutiveFailures: optional(int()),
  delaySeconds: optional(int()),
  ignoreHttp1xx: optional(flag),
  ipProtocol: optional(oneOf('IPv4', 'IPv6')),
});

export const readinessCheck = Type.Object({
  name: optional(nonEmptyText),
  protocol: optional(oneOf('HTTP', 'HTTPS')),
  path: optional(text),
  portName: optional(text),
  intervalSeconds: optional(int()),
  timeoutSeconds: optional(int(1)),
  httpStatusCodesForReady: optional(Type.Array(int(100, 999))),
  preserveLastResponse: optional(flag),
});

const address = { portIndex: optional(port), port: optional(port) };

export const check = Type.Object({
  http: optional(Type.Object({ ...address, path: optional(text), scheme: optional(oneOf('HTTP', 'HTTPS')) })),
  tcp: optional(Type.Object(address)),
  exec: optional(
    Type.Object({
      command: Type.Object({
        shell: optional(nonEmptyText),
        argv: optional(Type.Array(text, { minItems: 1 })),
      }),
    }),
  ),
  intervalSeconds: optional(int()),
  timeoutSeconds: optional(int()),
  delaySeconds: optional(int()),
});
