/** What a master refuses of a CommandInfo, in its words (mesos-v1 §3.6). */
import type { CommandInfo } from '../../core/mesos/types.ts';

interface SecretShape {
  readonly type?: string;
  readonly reference?: { readonly name?: string };
  readonly value?: unknown;
}

interface VariableShape {
  readonly name: string;
  readonly type?: string;
  readonly value?: string;
  readonly secret?: SecretShape;
}

/** The fault of a command's environment, or undefined. */
export function commandFault(command: CommandInfo): string | undefined {
  for (const variable of (command.environment?.variables ?? []) as readonly VariableShape[]) {
    const fault = variableFault(variable);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function variableFault({ name, type = 'VALUE', value, secret }: VariableShape): string | undefined {
  const whose = `Environment variable '${name}'`;
  if (type === 'SECRET') {
    if (secret === undefined) return `${whose} of type 'SECRET' must have a secret set`;
    if (value !== undefined) return `${whose} of type 'SECRET' must not have a value set`;
    const fault = secretFault(secret);
    return fault === undefined ? undefined : `${whose} specifies an invalid secret: ${fault}`;
  }
  if (value === undefined) return `${whose} of type 'VALUE' must have a value set`;
  return secret === undefined ? undefined : `${whose} of type 'VALUE' must not have a secret set`;
}

function secretFault({ type, reference, value }: SecretShape): string | undefined {
  if (type === 'REFERENCE') {
    if (reference === undefined) return "Secret of type REFERENCE must have the 'reference' field set";
    if (value === undefined) return undefined;
    return `Secret '${reference.name ?? ''}' of type REFERENCE must not have the 'value' field set`;
  }
  if (type !== 'VALUE') return undefined;
  if (value === undefined) return "Secret of type VALUE must have the 'value' field set";
  return reference === undefined ? undefined : "Secret of type VALUE must not have the 'reference' field set";
}
