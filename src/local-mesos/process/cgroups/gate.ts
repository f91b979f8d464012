/** A process that waits at a gate until it is in its cgroup, so that nothing it does escapes the limits. */
import type { ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { Invocation } from '../launcher.ts';

/** The descriptor on which the waiting process is told to go. */
const gateDescriptor = 3;

/**
 * Waits for a line; becomes the program with the same process id. If we are gone instead of answering, it ends. The test before
 * `exec` keeps the answer to a missing program what it is without a gate: status 1 and this sentence.
 */
const script =
  `read -r go <&${gateDescriptor} || exit 1; exec ${gateDescriptor}<&-; ` +
  `command -v -- "$1" >/dev/null || { echo "Failed to execute '$1'" >&2; exit 1; }; exec "$@"`;

/** The program behind the gate. A shell cannot give it another argv[0] than its file, as Mesos otherwise can. */
export function behindGate({ file, args }: Invocation): Invocation {
  return { file: '/bin/sh', argv0: 'sh', args: ['-c', script, 'sh', file, ...args] };
}

/** Lets a waiting process go. One that has ended meanwhile cannot hear it, and its end is told elsewhere. */
export function openGate({ stdio }: ChildProcess): void {
  const gate = stdio[gateDescriptor] as Writable | null | undefined;
  gate?.on('error', () => {});
  gate?.end('\n');
}
