/** Rules of roles (rest-api §7.14, §9.3; behaviour §10.2). */
import { parentOf } from '../ids.ts';
import type { AppDefinition } from './definition.ts';
import { isResident } from './resident.ts';
import type { AppSettings } from './settings.ts';
import type { Must } from './violations.ts';

/**
 * Roles that an app at this place may have: `--mesos_role`, its top-level group's name, and the role that it has. Where the group
 * enforces its role, `--mesos_role` is not among them.
 */
function allowedRoles(
  id: string,
  settings: Pick<AppSettings, 'mesosRole' | 'enforcedRole'>,
  current?: string,
): readonly string[] {
  const group = parentOf(id) === '/' ? undefined : id.split('/', 2)[1];
  const roles = [settings.enforcedRole ?? settings.mesosRole, group, current].filter((role) => role !== undefined);
  return [...new Set(roles)];
}

/** True if the text can be the name of a Mesos role. */
const isRoleName = (text: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: DEL is one of the characters that Mesos forbids.
  text !== '' && text !== '.' && text !== '..' && !text.startsWith('-') && !/[\s/\x08\x7f]/.test(text);

/** The app's own role, and those whose resources it accepts. */
export function checkRoles(
  app: AppDefinition,
  settings: AppSettings,
  current: AppDefinition | undefined,
  must: Must,
): void {
  const allowed = allowedRoles(app.id, settings, current?.role);
  must(allowed.includes(app.role), '/role', `got ${app.role}, expected one of: ${allowed.join(', ')}`);
  const resident = isResident(app);
  must(!resident || app.role !== '*', '/role', 'Resident apps may not have the role *');
  const accepted = app.acceptedResourceRoles;
  if (!accepted) return;
  const at = '/acceptedResourceRoles';
  must(accepted.length > 0, at, 'must not be empty');
  accepted.forEach((role, i) => {
    must(isRoleName(role), `${at}(${i})`, 'is not a valid role name');
  });
  if (resident) {
    must(accepted.length === 1 && accepted[0] === '*', at, 'A resident app must have `acceptedResourceRoles = ["*"]`.');
  } else {
    must(
      accepted.every((role) => role === '*' || role === app.role),
      at,
      `acceptedResourceRoles can only contain * and ${app.role}`,
    );
  }
}
