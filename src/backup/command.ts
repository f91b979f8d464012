/** The commands `ultramarathon backup` and `ultramarathon restore`. */
import { resolve } from 'node:path';
import { describeFlags, type FlagSpec, type FlagValues, parseFlags } from '../config/flags.ts';
import { StoreUnusable } from '../core/journal/store-errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { describeCensus } from './census.ts';
import { type LoadedBackup, loadBackup } from './load.ts';
import { messageOf } from './messages.ts';
import { openTarget, type Target, type TargetFlags } from './targets.ts';
import { writeBackup } from './write.ts';

/** What the user has to mend on the command line, … */
const usageExitCode = 2;
/** … and what went wrong although it was right. */
const failureExitCode = 1;

const storeFlags: readonly FlagSpec[] = [
  {
    name: 'data_dir',
    type: 'string',
    help: 'data directory of a server with the embedded store; that server must not run',
  },
  { name: 'zk', type: 'string', isSecret: true, help: 'zk://[user:password@]host:port,…/path, as the servers have it' },
];
const file: FlagSpec = { name: 'file', type: 'string', help: 'the backup' };
const force: FlagSpec = {
  name: 'force',
  type: 'boolean',
  default: false,
  help: 'replace what is there, and while servers run on ZooKeeper: their leader starts anew from the backup',
};

const backupFlags: readonly FlagSpec[] = [...storeFlags, file];
const restoreFlags: readonly FlagSpec[] = [...storeFlags, file, force];

const backupUsage = `ultramarathon backup --data_dir DIR | --zk zk://… --file FILE

Writes everything that a store holds into one file. From ZooKeeper while the servers run. The file is complete or not there at
all; it holds secrets (environments of apps), so only its owner may read it.`;

const restoreUsage = `ultramarathon restore --data_dir DIR | --zk zk://… --file FILE [--force]

Puts what a backup holds in the place of everything that a store holds, in one step, after the whole file was checked. A backup
of either kind of store can be restored into the other. Tasks go on: the framework id comes along.`;

interface Request {
  readonly target: TargetFlags;
  readonly file: string;
  readonly isForced: boolean;
}

/** Exit code: 0 done, 1 failed, 2 misused. One line on standard output or standard error. */
export async function runBackup(argv: readonly string[]): Promise<number> {
  return run(argv, backupFlags, backupUsage, backup);
}

/** As `runBackup`. */
export async function runRestore(argv: readonly string[]): Promise<number> {
  return run(argv, restoreFlags, restoreUsage, restore);
}

async function run(
  argv: readonly string[],
  specs: readonly FlagSpec[],
  usage: string,
  perform: (request: Request) => Promise<Result<string, string>>,
): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(`${usage}\n\n${describeFlags(specs)}\n`);
    return 0;
  }
  const request = await readRequest(argv, specs);
  if (!request.ok) return complain(request.error, usageExitCode);
  try {
    const outcome = await perform(request.value);
    if (!outcome.ok) return complain(outcome.error, failureExitCode);
    process.stdout.write(`${outcome.value}\n`);
    return 0;
  } catch (error) {
    return complain(messageOf(error), failureExitCode);
  }
}

function complain(message: string, exitCode: number): number {
  process.stderr.write(`ultramarathon: ${message}\n`);
  return exitCode;
}

async function readRequest(argv: readonly string[], specs: readonly FlagSpec[]): Promise<Result<Request, string>> {
  const given = parseFlags({ specs, ignored: new Set(), argv, env: {} });
  if (!given.ok) return given;
  const { values } = given.value;
  // The servers' own environment names their store, but a store on the command line is meant, whatever the environment says.
  const store = values['data_dir'] === undefined && values['zk'] === undefined ? storeOfEnvironment() : ok(values);
  if (!store.ok) return store;
  const { data_dir: directory, zk } = store.value;
  if (directory !== undefined && zk !== undefined) return err('--data_dir and --zk exclude each other');
  if (values['file'] === undefined) return err('--file is missing (see --help)');
  const request = { file: resolve(String(values['file'])), isForced: values['force'] === true };
  if (zk !== undefined) {
    const { parseStateUrl } = await import('../infra/zookeeper/zk-url.ts');
    const servers = parseStateUrl(String(zk));
    return servers.ok
      ? ok({ ...request, target: { type: 'zooKeeper', servers: servers.value } })
      : err(`--zk: ${servers.error}`);
  }
  if (directory === undefined) return err('which store? give --data_dir or --zk (see --help)');
  return ok({ ...request, target: { type: 'embedded', directory: resolve(String(directory)) } });
}

function storeOfEnvironment(): Result<FlagValues, string> {
  const { MARATHON_DATA_DIR, MARATHON_ZK } = process.env;
  const parsed = parseFlags({
    specs: storeFlags,
    ignored: new Set(),
    argv: [],
    env: { MARATHON_DATA_DIR, MARATHON_ZK },
  });
  return parsed.ok ? ok(parsed.value.values) : parsed;
}

async function backup(request: Request): Promise<Result<string, string>> {
  return withTarget(request.target, true, async ({ store, name }) => {
    const written = await writeBackup(store, request.file);
    if (!written.ok) return written;
    const { bytes } = written.value;
    return ok(`backed up ${describeCensus(written.value)} of ${name} to ${request.file} (${bytes} bytes)`);
  });
}

async function restore(request: Request): Promise<Result<string, string>> {
  const loaded = await loadBackup(request.file);
  if (!loaded.ok) return loaded;
  try {
    return await withTarget(request.target, false, (target) => replace(target, loaded.value, request));
  } finally {
    loaded.value.close();
  }
}

async function replace(
  target: Target,
  { content, census, header }: LoadedBackup,
  request: Request,
): Promise<Result<string, string>> {
  if (!request.isForced) {
    const obstacle = await obstacleIn(target);
    if (obstacle !== undefined) return err(`${obstacle}; nothing was changed`);
  }
  await target.store.replace(content);
  return ok(`restored ${describeCensus(census)} to ${target.name} from ${request.file} (of ${header.createdAt})`);
}

/** Why a store must not be replaced without `--force`. */
async function obstacleIn({ store, name, candidates }: Target): Promise<string | undefined> {
  const servers = await candidates();
  if (servers > 0) {
    const who = servers === 1 ? 'a server runs' : `${servers} servers run`;
    return `${who} on ${name}: stop them, or give --force, and their leader starts anew from the backup`;
  }
  try {
    for (const _ of (await store.read()).records) return `${name} is not empty: give --force to replace what is there`;
  } catch (error) {
    if (!(error instanceof StoreUnusable)) throw error;
    return `${messageOf(error)} (give --force to replace it)`;
  }
  return undefined;
}

async function withTarget(
  flags: TargetFlags,
  mustExist: boolean,
  use: (target: Target) => Promise<Result<string, string>>,
): Promise<Result<string, string>> {
  const target = await openTarget(flags, mustExist);
  if (!target.ok) return target;
  try {
    return await use(target.value);
  } finally {
    await target.value.close();
  }
}
