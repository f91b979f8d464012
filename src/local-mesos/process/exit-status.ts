/** How Mesos words the end of a command (mesos-v1 §5.1, recording 02). */

/** glibc's strsignal texts, which Mesos puts into its messages. */
const signalTexts: Readonly<Record<string, string>> = {
  SIGHUP: 'Hangup',
  SIGINT: 'Interrupt',
  SIGQUIT: 'Quit',
  SIGILL: 'Illegal instruction',
  SIGTRAP: 'Trace/breakpoint trap',
  SIGABRT: 'Aborted',
  SIGBUS: 'Bus error',
  SIGFPE: 'Floating point exception',
  SIGKILL: 'Killed',
  SIGUSR1: 'User defined signal 1',
  SIGSEGV: 'Segmentation fault',
  SIGUSR2: 'User defined signal 2',
  SIGPIPE: 'Broken pipe',
  SIGALRM: 'Alarm clock',
  SIGTERM: 'Terminated',
  SIGSTKFLT: 'Stack fault',
  SIGXCPU: 'CPU time limit exceeded',
  SIGXFSZ: 'File size limit exceeded',
  SIGVTALRM: 'Virtual timer expired',
  SIGPROF: 'Profiling timer expired',
  SIGPOLL: 'I/O possible',
  SIGIO: 'I/O possible',
  SIGPWR: 'Power failure',
  SIGSYS: 'Bad system call',
};

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: string | null;
}

/** The message of a terminal update; the Docker executor says `Container` where the command executor says `Command`. */
export function exitMessage({ code, signal }: ExitStatus, what: 'Command' | 'Container' = 'Command'): string {
  if (signal !== null) return `${what} terminated with signal ${signalTexts[signal] ?? signal}`;
  return code === null ? `Failed to get exit status for ${what}` : `${what} exited with status ${code}`;
}
