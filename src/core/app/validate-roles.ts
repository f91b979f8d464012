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

/** Characters that Mesos allows in no role, with Marathon's names for them (it calls DEL a backspace). */
const forbidden = new Map([
  ['\t', 'horizontal tab (\\x09)'],
  ['\n', 'line feed (\\x0a)'],
  ['\v', 'vertical tab (\\x0b)'],
  ['\f', 'form feed (\\x0c)'],
  ['\r', 'carriage return (\\x0d)'],
  [' ', 'space (\\x20)'],
  ['/', 'slash (\\x2f)'],
  ['\x7f', 'backspace (\\x7f)'],
]);

/** What keeps a text from being the name of a Mesos role. */
function complaintAboutRole(text: string): string | undefined {
  if (text === '' || text === '.' || text === '..') return `A role name must not be "${text}".`;
  if (text.startsWith('-')) return "A role name must not start with a '-'.";
  for (const char of text) {
    const name = forbidden.get(char);
    if (name !== undefined) return `A role name must not include a ${name} character.`;
  }
  // Mesos forbids what its isspace knows, and the true backspace.
  return /[\s\b]/.test(text) ? 'A role name must not include white space or control characters.' : undefined;
}

/** The app's own role, and those whose resources it accepts. */
export function checkRoles(
  app: AppDefinition,
  settings: AppSettings,
  current: AppDefinition | undefined,
  must: Must,
): void {
  const allowed = allowedRoles(app.id, settings, current?.role);
  must(allowed.includes(app.role), '/role', `got ${app.role}, expected one of: [${allowed.join(', ')}]`);
  const resident = isResident(app);
  must(!resident || app.role !== '*', '/role', 'Resident apps cannot have the role *');
  const accepted = app.acceptedResourceRoles;
  if (!accepted) return;
  const at = '/acceptedResourceRoles';
  must(accepted.length > 0, at, 'must not be empty');
  accepted.forEach((role, i) => {
    const complaint = complaintAboutRole(role);
    must(complaint === undefined, `${at}(${i})`, complaint ?? '');
  });
  if (resident) {
    must(accepted.length === 1 && accepted[0] === '*', at, 'A resident app must have `acceptedResourceRoles = ["*"]`.');
  } else {
    must(
      accepted.every((role) => role === '*' || role === app.role),
      at,
      `acceptedResourceRoles can only contain ${app.role === '*' ? '*' : `* and ${app.role}`}`,
    );
  }
}
