/** A local cluster and a server as two processes, or `start` as one, on ports that nobody else gets: they can be started there again. */
import { takePort, takePorts } from './ports.ts';
import type { Playground, Program, ProgramOptions } from './processes.ts';
import { type RestClient, type RestOptions, restClient } from './rest-client.ts';

/** True for `npm run test:long`. */
export const isLong = process.env['ULTRAMARATHON_TEST_LONG'] === '1';

export interface RunningCluster {
  readonly program: Program;
  /** `host:port`. */
  readonly address: string;
}

export interface RunningServer {
  readonly program: Program;
  readonly url: string;
  readonly rest: RestClient;
}

/** Starts `local-mesos` on `work`, or on the same port as before. */
export async function startCluster(
  playground: Playground,
  more: readonly string[] = [],
  address = `127.0.0.1:${takePort()}`,
  options: ProgramOptions = {},
): Promise<RunningCluster> {
  const port = address.slice(address.lastIndexOf(':') + 1);
  const program = playground.run(
    ['local-mesos', '--port', port, '--work_dir', playground.path('work'), ...more],
    options,
  );
  const [, found = ''] = await program.says(/http:\/\/(\S+)\n/);
  return { program, address: found };
}

/** Starts `server` on `data`. */
export async function startServer(
  playground: Playground,
  master: string,
  more: readonly string[] = [],
  options: ProgramOptions & RestOptions & { readonly port?: string } = {},
): Promise<RunningServer> {
  const { port = String(takePort()) } = options;
  const program = playground.run(
    [
      'server',
      '--master',
      master,
      '--data_dir',
      playground.path('data'),
      '--http_port',
      port,
      '--logging_level',
      'warn',
      ...more,
    ],
    options,
  );
  const [, url = ''] = await program.says(/^Ultramarathon at (\S+) /m);
  return { program, url, rest: restClient(url, options) };
}

export interface Started extends RunningServer {
  readonly cluster: string;
}

/** Starts `start` on `data`. */
export async function startAll(
  playground: Playground,
  more: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<Started> {
  const flags = [
    '--mesos_port',
    String(takePort()),
    '--http_port',
    String(takePort()),
    '--logging_level',
    'warn',
    '--data_dir',
    playground.path('data'),
  ];
  const program = playground.run(['start', ...flags, ...more], options);
  const [, url = ''] = await program.says(/API\s+(\S+)\/v2\/apps\n/);
  const [, cluster = ''] = await program.says(/Local cluster\s+http:\/\/(\S+)\n/);
  return { program, url, cluster, rest: restClient(url) };
}

/** Ports for tasks that really listen: ten for each agent. */
export function taskPorts(agents = 3): string {
  const ports = takePorts(10 * agents);
  return `ports:[${ports[0]}-${ports.at(-1)}]`;
}
