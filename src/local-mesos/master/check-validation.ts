/** What a master refuses of checks and health checks, in its words (mesos-v1 §3.6). */
import type { CommandInfo, MesosHealthCheck } from '../../core/mesos/types.ts';
import { commandFault } from './command-validation.ts';

/** A CheckInfo as far as its validity goes. */
export interface CheckShape {
  readonly type?: 'COMMAND' | 'HTTP' | 'TCP';
  readonly command?: { readonly command?: CommandInfo };
  readonly http?: { readonly path?: string };
  readonly tcp?: object;
  readonly delay_seconds?: number;
  readonly interval_seconds?: number;
  readonly timeout_seconds?: number;
}

/** The fault of a task's check, or undefined. */
export function checkFault(check: CheckShape): string | undefined {
  const { type, command, http, tcp } = check;
  if (type === undefined) return `CheckInfo must specify 'type'`;
  const body = type === 'COMMAND' ? command : type === 'HTTP' ? http : tcp;
  if (body === undefined) return `Expecting '${type.toLowerCase()}' to be set for ${type} check`;
  if (type === 'COMMAND') {
    const fault = askedFault(command?.command, 'Command check', 'Check');
    if (fault !== undefined) return fault;
  }
  const path = http?.path ?? '/';
  if (type === 'HTTP' && !path.startsWith('/')) return `The path '${path}' of HTTP check must start with '/'`;
  return timesFault(check, ['delay_seconds', 'interval_seconds', 'timeout_seconds']);
}

/** The fault of a task's health check, or undefined. The type is guessed from the body if there is none. */
export function healthCheckFault(check: MesosHealthCheck): string | undefined {
  const type =
    check.type ?? (check.command === undefined ? (check.http === undefined ? undefined : 'HTTP') : 'COMMAND');
  if (type === undefined) return `HealthCheck must specify 'type'`;
  const body = type === 'COMMAND' ? check.command : type === 'HTTP' ? check.http : check.tcp;
  if (body === undefined) return `Expecting '${type.toLowerCase()}' to be set for ${type} health check`;
  if (type === 'COMMAND') {
    const fault = askedFault(check.command, 'Command health check', 'Health check');
    if (fault !== undefined) return fault;
  }
  if (type === 'HTTP') {
    const scheme = check.http?.scheme ?? 'http';
    if (scheme !== 'http' && scheme !== 'https') return `Unsupported HTTP health check scheme: '${scheme}'`;
    const path = check.http?.path ?? '/';
    if (!path.startsWith('/')) return `The path '${path}' of HTTP health check must start with '/'`;
  }
  return timesFault(check, ['delay_seconds', 'grace_period_seconds', 'interval_seconds', 'timeout_seconds']);
}

function askedFault(command: CommandInfo | undefined, what: string, whose: string): string | undefined {
  if (command?.value === undefined) {
    return `${what} must contain '${command?.shell === false ? 'executable path' : 'shell command'}'`;
  }
  const fault = commandFault(command);
  return fault === undefined ? undefined : `${whose}'s \`CommandInfo\` is invalid: ${fault}`;
}

function timesFault<Name extends string>(
  check: { readonly [name in Name]?: number },
  names: readonly Name[],
): string | undefined {
  const negative = names.find((name) => (check[name] ?? 0) < 0);
  return negative === undefined ? undefined : `Expecting '${negative}' to be non-negative`;
}
