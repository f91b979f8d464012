/** What is wrong with a subscription, in Mesos' words; such a refusal travels as an ERROR event (mesos-v1 §2.2). */
import type { FrameworkInfo } from '../../core/mesos/types.ts';
import type { SubscribeCall, WireFrameworkInfo } from './calls.ts';
import { refuseConstraints } from './eligibility.ts';
import { refuseId } from './task-validation.ts';

/** The roles a framework subscribes for: `roles` with MULTI_ROLE, otherwise its one role. */
export function rolesOf(info: WireFrameworkInfo): readonly string[] {
  return isMultiRole(info) ? (info.roles ?? []) : [info.role ?? '*'];
}

const isMultiRole = (info: FrameworkInfo): boolean =>
  (info.capabilities ?? []).some(({ type }) => type === 'MULTI_ROLE');

/** The first fault of a SUBSCRIBE or UPDATE_FRAMEWORK, or undefined. */
export function refuseSubscription(call: SubscribeCall): string | undefined {
  const info = call.framework_info;
  return (
    refuseRoles(info) ??
    refuseIdAndTimeout(info) ??
    refuseSuppressed(call) ??
    refuseConstraints(call.offer_constraints, rolesOf(info))
  );
}

function refuseRoles(info: WireFrameworkInfo): string | undefined {
  if (isMultiRole(info)) {
    if (info.role !== undefined) {
      return `'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable`;
    }
  } else if ((info.roles ?? []).length > 0) {
    return `'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable`;
  }
  const roles = rolesOf(info);
  const twice = [...new Set(roles.filter((role, i) => roles.indexOf(role) !== i))];
  if (twice.length > 0) return `'FrameworkInfo.roles' contains duplicate items: { ${twice.join(', ')} }`;
  for (const role of roles) {
    const fault = roleFault(role);
    if (fault === undefined) continue;
    return isMultiRole(info)
      ? `'FrameworkInfo.roles' contains invalid role: ${fault}`
      : `'FrameworkInfo.role' is not a valid role: ${fault}`;
  }
  return undefined;
}

function roleFault(role: string): string | undefined {
  if (role === '*') return undefined;
  if (role === '') return 'Role names cannot be the empty string';
  if (role.startsWith('/')) return `Role '${role}' cannot start with a slash`;
  if (role.endsWith('/')) return `Role '${role}' cannot end with a slash`;
  if (role.includes('//')) return `Role '${role}' cannot contain two adjacent slashes`;
  for (const part of role.split('/')) {
    if (part === '.' || part === '..' || part === '*') return `Role '${role}' cannot include '${part}' as a component`;
    if (part.startsWith('-')) return `Role component '${part}' is invalid because it starts with a dash`;
    if (hasBlank(part)) return `Role component '${part}' is invalid because it contains backspace or whitespace`;
  }
  return undefined;
}

const hasBlank = (text: string): boolean => text.includes('\b') || /\s/.test(text);

function refuseIdAndTimeout(info: WireFrameworkInfo): string | undefined {
  const idFault = info.id === undefined || info.id.value === '' ? undefined : refuseId(info.id.value);
  if (idFault !== undefined) return idFault;
  const timeout = info.failover_timeout ?? 0;
  // Mesos keeps durations in 64-bit nanoseconds.
  if (Math.abs(timeout) * 1e9 < 2 ** 63) return undefined;
  return `The framework failover_timeout (${timeout}) is invalid`;
}

function refuseSuppressed(call: SubscribeCall): string | undefined {
  const roles = new Set(rolesOf(call.framework_info));
  const foreign = (call.suppressed_roles ?? []).filter((role) => !roles.has(role));
  if (foreign.length === 0) return undefined;
  return `Suppressed roles { ${foreign.join(', ')} } are not contained in the set of roles`;
}
