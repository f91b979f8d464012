/** The commands that run something: `server`, and `start`, which brings its own cluster. */
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { FlagSpec, ParsedFlags } from './config/flags.ts';
import { describeFlags, parseFlags } from './config/flags.ts';
import type { ServerConfig } from './config/server-config.ts';
import { serverConfig } from './config/server-config.ts';
import { ignoredFlags, serverFlags } from './config/server-flags.ts';
import type { Result } from './core/result.ts';
import { err, ok } from './core/result.ts';
import { keepCluster } from './local-cluster.ts';

/** Exit code for what the user has to mend. */
const usageExitCode = 2;

const startFlags: readonly FlagSpec[] = [
  { name: 'agents', type: 'integer', min: 1, max: 1_000, default: 3, help: 'agents of the local cluster' },
  { name: 'mesos_port', type: 'integer', min: 0, max: 65_535, default: 5050, help: 'port of the local cluster' },
  { name: 'attributes', type: 'string', help: 'attributes of the agents, as for local-mesos' },
  { name: 'resources', type: 'string', help: 'resources of each agent, as for local-mesos' },
  { name: 'container_engine', type: 'string', help: 'client of the engine for container images, as for local-mesos' },
  { name: 'container_engine_options', type: 'string', help: 'options for each call of it, as for local-mesos' },
  { name: 'container_run_options', type: 'string', help: 'options for each container, as for local-mesos' },
  {
    name: 'isolation',
    type: 'string',
    choices: ['auto', 'cgroups', 'none'],
    help: 'limits of tasks, as for local-mesos',
  },
  { name: 'simulate', type: 'boolean', default: false, help: 'run no processes' },
  {
    name: 'recover',
    type: 'boolean',
    default: false,
    help: 'go on with tasks that a killed start or a crashed local cluster has left; Ctrl-C ends them all the same',
  },
];

/** Flags that the local cluster gets as they are. */
const passedOn = ['container_engine', 'container_engine_options', 'container_run_options', 'isolation'];

/** Refuses with one line on standard error. */
export function refuse(message: string): number {
  process.stderr.write(`ultramarathon: ${message}\n`);
  return usageExitCode;
}

/** Loaded only when it is certain to run: most of the program hangs on it, and wrong flags should be told at once. */
const loadServer = (): Promise<typeof import('./server.ts')> => import('./server.ts');

type Prepared = { readonly type: 'help' } | { readonly type: 'flags'; readonly parsed: ParsedFlags };

function prepare(specs: readonly FlagSpec[], argv: readonly string[], usage: string): Result<Prepared, string> {
  const parsed = parseFlags({ specs, ignored: ignoredFlags, argv, env: process.env });
  if (!parsed.ok) return err(parsed.error);
  if (parsed.value.wantsHelp) {
    process.stdout.write(`${usage}\n\n${describeFlags(specs)}\n`);
    return ok({ type: 'help' });
  }
  for (const warning of parsed.value.warnings) process.stderr.write(`ultramarathon: warning: ${warning}\n`);
  return ok({ type: 'flags', parsed: parsed.value });
}

/** `ultramarathon server`: the scheduler alone. Tasks go on when it stops. */
export async function runServer(argv: readonly string[]): Promise<number> {
  const prepared = prepare(serverFlags, argv, 'ultramarathon server --master HOST:PORT [--data_dir DIR] [flags]');
  if (!prepared.ok) return refuse(prepared.error);
  if (prepared.value.type === 'help') return 0;
  const config = serverConfig(prepared.value.parsed, process.env);
  if (!config.ok) return refuse(config.error);
  const signal = stopSignal();
  const { startServer } = await loadServer();
  const server = await startServer(config.value);
  if (!server.ok) return refuse(server.error);
  process.stdout.write(`Ultramarathon at ${server.value.url} (Mesos ${config.value.master})\n`);
  await signal;
  await server.value.stop(false);
  return 0;
}

/** `ultramarathon start`: a local cluster, the server and the UI on this machine. Everything ends with it. */
export async function runStart(argv: readonly string[]): Promise<number> {
  const specs = [...startFlags, ...serverFlags.filter((f) => f.name !== 'master' && f.name !== 'zk')];
  const prepared = prepare(
    specs,
    argv,
    'ultramarathon start [--agents N] [--mesos_port PORT] [--data_dir DIR] [flags]',
  );
  if (!prepared.ok) return refuse(prepared.error);
  if (prepared.value.type === 'help') return 0;
  const { parsed } = prepared.value;
  const { values } = parsed;
  const dataDir = resolve(String(values['data_dir'] ?? '.ultramarathon'));
  const signal = stopSignal();
  // Wrong flags are refused before anything runs, although the port of the cluster may not be known yet.
  const checked = serverConfig(withMaster(parsed, anyMaster, dataDir), process.env);
  if (!checked.ok) return refuse(checked.error);
  // Loading the server takes as long as the start of the cluster, and is done meanwhile.
  const loading = loadServer();
  const cluster = await keepCluster({
    dataDir,
    port: Number(values['mesos_port']),
    agents: Number(values['agents']),
    attributes: values['attributes'] as string | undefined,
    resources: values['resources'] as string | undefined,
    isSimulated: values['simulate'] === true,
    recovers: values['recover'] === true,
    more: passedOn.flatMap((name) => (values[name] === undefined ? [] : [`--${name}=${values[name]}`])),
    log: (line) => process.stderr.write(`${line}\n`),
  });
  if (!cluster.ok) return refuse(cluster.error);
  const { address } = cluster.value;
  const flags = { ...checked.value.flags, master: address };
  const config: ServerConfig = { ...checked.value, master: address, flags };
  const { startServer } = await loading;
  const server = await startServer(config);
  if (!server.ok) {
    await cluster.value.stop();
    return refuse(server.error);
  }
  const { url } = server.value;
  process.stdout.write(
    `\nUltramarathon is up.\n  API            ${url}/v2/apps\n  UI             ${url}/ui/\n  Local cluster  http://${address}\n` +
      `  State          ${dataDir}\nPress Ctrl-C to stop everything, tasks included.\n`,
  );
  await signal;
  process.stdout.write('Stopping…\n');
  await server.value.stop(false);
  await cluster.value.stop();
  return 0;
}

/** Stands for the cluster that is not there yet. */
const anyMaster = '127.0.0.1:5050';

const withMaster = (parsed: ParsedFlags, master: string, dataDir: string): ParsedFlags => ({
  ...parsed,
  values: { ...parsed.values, master, data_dir: dataDir },
});

/** One Ctrl-C may arrive twice, from the terminal and from npm. */
const repeatedSignalMs = 1_000;

/** Resolves on the first SIGINT or SIGTERM; another one, later, ends the process at once. */
async function stopSignal(): Promise<void> {
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const firstMs = performance.now();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (performance.now() - firstMs > repeatedSignalMs) process.exit(130);
    });
  }
}
