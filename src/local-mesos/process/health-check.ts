/**
 * Mesos' own health checks and checks of a task, run by the agent (mesos-v1 §5.2, recording 09). A health check reports every
 * failure but only the first of a series of successes, and ends in a kill; a check only reports what it sees.
 */
import type { CommandInfo, MesosHealthCheck } from '../../core/mesos/types.ts';
import { startTimer } from './long-timer.ts';
import { isHealthy, type ProbeResult, type ProbeScene, type ProbeTarget, probe } from './probes.ts';

/** Fields that a HealthCheck and a CheckInfo have in common, as they stand in JSON. */
interface CheckTimes {
  readonly delay_seconds?: number;
  readonly interval_seconds?: number;
  readonly timeout_seconds?: number;
}

/** CheckInfo of a task; its `command` is wrapped once more than that of a HealthCheck. */
export interface CheckInfo extends CheckTimes {
  readonly type?: 'COMMAND' | 'HTTP' | 'TCP';
  readonly command?: { readonly command?: CommandInfo };
  readonly http?: { readonly port: number; readonly path?: string };
  readonly tcp?: { readonly port: number };
}

const defaultDelaySeconds = 15;
const defaultIntervalSeconds = 10;
const defaultTimeoutSeconds = 20;
const defaultGraceSeconds = 10;
const defaultConsecutiveFailures = 3;

/** What AbortSignal.timeout can do; 49 days. */
const maxTimeoutMs = 4_294_967_295;

/** Ends the probing for good, a running probe included. */
export type StopChecking = () => void;

/** Calls `onHealth` as Mesos would send updates, and `onGivenUp` right after the failure that reaches the threshold. */
export function startHealthCheck(
  check: MesosHealthCheck,
  scene: ProbeScene,
  onHealth: (healthy: boolean) => void,
  onGivenUp: () => void,
  /** What was reported last by an earlier run, if it reported. */
  earlier?: boolean,
): StopChecking {
  const target = healthTarget(check);
  if (target === undefined) return () => {};
  const startedAt = performance.now();
  const graceMs = (check.grace_period_seconds ?? defaultGraceSeconds) * 1000;
  const threshold = Math.max(1, check.consecutive_failures ?? defaultConsecutiveFailures);
  let failures = 0;
  let everHealthy = earlier === true;
  let reported = earlier;
  // Whoever has been looked at before needs no time to come up.
  const times = earlier === undefined ? check : { ...check, delay_seconds: 0 };
  return repeat(target, times, scene, (result) => {
    if (isHealthy(result)) {
      failures = 0;
      everHealthy = true;
      if (reported !== true) onHealth(true);
      reported = true;
      return 'go on';
    }
    if (!everHealthy && performance.now() - startedAt <= graceMs) return 'go on';
    failures++;
    reported = false;
    onHealth(false);
    if (failures < threshold) return 'go on';
    onGivenUp();
    return 'stop';
  });
}

/** Calls `onChange` with a CheckStatusInfo whenever the result differs from the one before. */
export function startCheck(check: CheckInfo, scene: ProbeScene, onChange: (status: unknown) => void): StopChecking {
  const target = checkTarget(check);
  if (target === undefined) return () => {};
  let last = JSON.stringify(emptyCheckStatus(check));
  return repeat(target, check, scene, (result) => {
    const status = checkStatusOf(result);
    const text = JSON.stringify(status);
    if (text !== last) onChange(status);
    last = text;
    return 'go on';
  });
}

/** The CheckStatusInfo of a task whose check has not given a result yet. */
export function emptyCheckStatus(check: CheckInfo): unknown {
  const type = check.type ?? 'COMMAND';
  return { type, [type.toLowerCase()]: {} };
}

function checkStatusOf(result: ProbeResult): unknown {
  switch (result.kind) {
    case 'command':
      return { type: 'COMMAND', command: result.exitCode === undefined ? {} : { exit_code: result.exitCode } };
    case 'http':
      return { type: 'HTTP', http: result.statusCode === undefined ? {} : { status_code: result.statusCode } };
    case 'tcp':
      return { type: 'TCP', tcp: { succeeded: result.succeeded } };
  }
}

function healthTarget(check: MesosHealthCheck): ProbeTarget | undefined {
  if (check.command !== undefined && check.type === 'COMMAND') return { kind: 'command', command: check.command };
  if (check.http !== undefined && check.type === 'HTTP') {
    const { scheme = 'http', port, path = '', protocol } = check.http;
    return { kind: 'http', scheme, port, path, ipv6: isIpv6(protocol) };
  }
  if (check.tcp === undefined || check.type !== 'TCP') return undefined;
  return { kind: 'tcp', port: check.tcp.port, ipv6: isIpv6(check.tcp.protocol) };
}

function checkTarget(check: CheckInfo): ProbeTarget | undefined {
  const command = check.command?.command;
  if (check.type === 'COMMAND' && command !== undefined) return { kind: 'command', command };
  if (check.type === 'HTTP' && check.http !== undefined) {
    return { kind: 'http', scheme: 'http', port: check.http.port, path: check.http.path ?? '', ipv6: false };
  }
  return check.type === 'TCP' && check.tcp !== undefined
    ? { kind: 'tcp', port: check.tcp.port, ipv6: false }
    : undefined;
}

function isIpv6(protocol: string | undefined): boolean {
  return protocol?.toUpperCase() === 'IPV6';
}

/** Probes after the delay, and then always one interval after the previous probe ended. */
function repeat(
  target: ProbeTarget,
  times: CheckTimes,
  scene: ProbeScene,
  onResult: (result: ProbeResult) => 'go on' | 'stop',
): StopChecking {
  const stopped = new AbortController();
  const timeoutMs = (times.timeout_seconds ?? defaultTimeoutSeconds) * 1000;
  const intervalMs = (times.interval_seconds ?? defaultIntervalSeconds) * 1000;
  let cancel = startTimer((times.delay_seconds ?? defaultDelaySeconds) * 1000, () => void once());
  const once = async (): Promise<void> => {
    // 0 means that a probe may take as long as it likes.
    const timeout = timeoutMs > 0 ? AbortSignal.timeout(Math.min(timeoutMs, maxTimeoutMs)) : undefined;
    const signal = timeout === undefined ? stopped.signal : AbortSignal.any([stopped.signal, timeout]);
    const result = await probe(target, scene, signal).catch(() => failedProbe(target));
    if (stopped.signal.aborted || onResult(result) === 'stop') return;
    cancel = startTimer(intervalMs, () => void once());
  };
  return () => {
    cancel();
    stopped.abort();
  };
}

/** A probe that could not even be made, for want of a file descriptor or because the sandbox is gone. */
function failedProbe(target: ProbeTarget): ProbeResult {
  switch (target.kind) {
    case 'command':
      return { kind: 'command', exitCode: undefined };
    case 'http':
      return { kind: 'http', statusCode: undefined };
    case 'tcp':
      return { kind: 'tcp', succeeded: false };
  }
}
