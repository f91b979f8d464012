/** The command line: finds the command and runs it. The only place that ends the process. */

import { programVersion } from './backup/program-version.ts';
import { refuse, runServer, runStart } from './commands.ts';
import { endWithParent } from './local-cluster.ts';

const usage = `ultramarathon COMMAND [flags]

  start         local cluster, server and UI on this machine, in one go
  server        the scheduler alone, for a Mesos cluster
  local-mesos   the local cluster alone
  backup        writes all state to a file
  restore       replaces all state by that of a file

Every command has --help.
`;

async function run(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case 'start':
      return runStart(rest);
    case 'server':
      return runServer(rest);
    case 'local-mesos': {
      if (process.env[endWithParent] === '1') endWhenParentEnds();
      const { runLocalMesos } = await import('./local-mesos/main.ts');
      return (await runLocalMesos(rest)) ?? 0;
    }
    case 'backup':
      return (await import('./backup/command.ts')).runBackup(rest);
    case 'restore':
      return (await import('./backup/command.ts')).runRestore(rest);
    case '--help':
    case '-h':
    case 'help':
      process.stdout.write(usage);
      return 0;
    case '--version':
      process.stdout.write(`${programVersion()}\n`);
      return 0;
    case undefined:
      return refuse('which command? (start, server, local-mesos, backup, restore; see --help)');
    default:
      return refuse(`unknown command: ${command} (see --help)`);
  }
}

/** The parent holds the other end of standard input: when it dies, however it dies, so does this. */
function endWhenParentEnds(): void {
  process.stdin.on('close', () => process.kill(process.pid, 'SIGTERM')).resume();
}

process.exitCode = await run(process.argv.slice(2));
// Sockets that linger must not keep a stopped program alive.
process.exit();
