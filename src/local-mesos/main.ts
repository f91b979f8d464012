/** The command `ultramarathon local-mesos`. */
import { type LocalMesos, LocalMesosError, startLocalMesos } from './cluster.ts';
import { helpText, parseFlags } from './flags.ts';
import type { Log } from './master/model.ts';

/** Exit code for what the user has to mend: flags, a taken port, a directory in use. */
const usageExitCode = 2;
/** Exit code of a cluster that could not go on. */
const failedExitCode = 1;

/**
 * Runs the cluster until SIGTERM, SIGINT or SIGUSR1. Resolves with the exit code: 0 after a clean stop or `--help`, 2 with one line
 * on stderr if it could not be started, 1 with one line if it could not go on.
 */
export async function runLocalMesos(argv: readonly string[]): Promise<number | undefined> {
  const flags = parseFlags(argv);
  if (!flags.ok) return refuse(flags.error);
  if (flags.value.help) {
    process.stdout.write(helpText);
    return 0;
  }
  const { host, port, agents, attributes, resources, workDir, frameworksHome, simulate } = flags.value;
  const { containerEngine, containerEngineOptions, containerRunOptions, isolation, cgroupsRoot, hardCpuLimit } =
    flags.value;
  const { domains, masterDomain, offerTimeoutSeconds, heartbeatSeconds } = flags.value;
  const { recover, zk, zkSessionTimeoutSeconds } = flags.value;
  // Listening from the start: a signal during the start stops the cluster as soon as it stands.
  const stopped = firstSignal();
  let cluster: LocalMesos;
  try {
    cluster = await startLocalMesos({
      host,
      port,
      agents,
      workDir,
      simulate,
      log: consoleLog,
      containerEngine: { program: containerEngine, options: containerEngineOptions, runOptions: containerRunOptions },
      isolation,
      hardCpuLimit,
      ...(cgroupsRoot === undefined ? {} : { cgroupsRoot }),
      ...(attributes === undefined ? {} : { attributes }),
      ...(resources === undefined ? {} : { resources }),
      ...(frameworksHome === undefined ? {} : { frameworksHome }),
      ...(domains === undefined ? {} : { domains }),
      ...(masterDomain === undefined ? {} : { masterDomain }),
      ...(recover === undefined ? {} : { recover }),
      ...(zk === undefined ? {} : { zk }),
      ...(zkSessionTimeoutSeconds === undefined ? {} : { zkSessionTimeoutMs: zkSessionTimeoutSeconds * 1000 }),
      settings: {
        ...(offerTimeoutSeconds === undefined ? {} : { offerTimeoutMs: offerTimeoutSeconds * 1000 }),
        ...(heartbeatSeconds === undefined ? {} : { heartbeatMs: heartbeatSeconds * 1000 }),
      },
    });
  } catch (error) {
    if (error instanceof LocalMesosError) return refuse(error.message);
    throw error;
  }
  const kind = simulate ? 'simulated agents' : 'agents';
  process.stdout.write(`Local Mesos cluster with ${agents} ${kind} at ${cluster.url}\n`);
  const end = await Promise.race([stopped, cluster.failed.then((reason) => ({ reason }))]);
  if (typeof end === 'object') {
    process.stderr.write(`local-mesos: ${end.reason}\n`);
    await cluster.leave('vanish');
    return failedExitCode;
  }
  const staying = (recover === true || zk !== undefined) && end !== 'SIGUSR1';
  if (staying) await cluster.leave();
  else await cluster.close();
  return 0;
}

function refuse(message: string): number {
  process.stderr.write(`local-mesos: ${message}\n`);
  return usageExitCode;
}

const consoleLog: Log = {
  info: (message) => process.stderr.write(`local-mesos: ${message}\n`),
  warn: (message) => process.stderr.write(`local-mesos: warning: ${message}\n`),
};

type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGUSR1';

function firstSignal(): Promise<StopSignal> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR1'] as const) process.on(signal, () => resolve(signal));
  });
}
