/** The command `ultramarathon local-mesos`. */
import { type LocalMesos, LocalMesosError, startLocalMesos } from './cluster.ts';
import { helpText, parseFlags } from './flags.ts';
import type { Log } from './master/model.ts';

/** Exit code for what the user has to mend: flags, a taken port, a directory in use. */
const usageExitCode = 2;

/**
 * Runs the cluster until SIGTERM or SIGINT. Resolves with the exit code: 0 after a clean stop or `--help`, 2 with one line on
 * stderr if it could not be started.
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
  await stopped;
  await cluster.close();
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

function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
  });
}
