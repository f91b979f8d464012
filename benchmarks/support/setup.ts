/** The fixed workload, and a cluster with a server for it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningCommand } from './commands.ts';
import { runCommand } from './commands.ts';

export interface Workload {
  readonly app: Readonly<Record<string, unknown>>;
  readonly agentResources: string;
  readonly instancesPerAgent: number;
  readonly launches: readonly number[];
  readonly latencyAgents: number;
  readonly latencyRunsSimulated: number;
  readonly latencyRunsProcess: number;
  readonly latencyApp: Readonly<Record<string, unknown>>;
  readonly changes: {
    readonly bulkApps: number;
    readonly existingApps: number;
    readonly separateApps: number;
    /** Apps of one PUT, without instances. */
    readonly bulkSizes: readonly number[];
    readonly connections: number;
  };
  readonly reads: {
    readonly apps: readonly number[];
    readonly tasks: number;
    readonly connections: number;
    /** For the app with many tasks. */
    readonly crowdConnections: number;
    readonly seconds: number;
    readonly changesPerSecond: number;
    readonly killsPerSecond: number;
  };
}

/** What every benchmark works with; changing it makes figures incomparable. */
export const workload = JSON.parse(readFileSync(new URL('../workload.json', import.meta.url), 'utf8')) as Workload;

/** Cores and model, as every figure names them. */
export const machine = `${cpus().length} cores, ${cpus()[0]?.model.trim() ?? 'unknown'}`;

export interface Setup {
  readonly server: RunningCommand;
  readonly directory: string;
  readonly end: () => Promise<void>;
}

export interface SetupOptions {
  readonly agents: number;
  readonly isSimulated: boolean;
  /** Folder below the setup's own for a CPU profile of the server. */
  readonly profile?: string;
}

/** A cluster and a server with the embedded store, in processes of their own and a directory of their own. */
export async function setUp({ agents, isSimulated, profile }: SetupOptions): Promise<Setup> {
  const directory = mkdtempSync(join(tmpdir(), 'ultramarathon-bench-'));
  const simulated = isSimulated ? ['--simulate', '--resources', workload.agentResources] : [];
  const mesos = ['local-mesos', '--port', '0', '--agents', String(agents), '--work_dir', join(directory, 'mesos')];
  const cluster = await runCommand([...mesos, ...simulated]);
  const flags = ['--data_dir', join(directory, 'data'), '--http_port', '0', '--logging_level', 'warn'];
  const profileTo = profile === undefined ? undefined : join(directory, profile);
  const server = await runCommand(['server', '--master', cluster.address, ...flags], profileTo);
  const end = async (): Promise<void> => {
    await server.stop();
    await cluster.stop();
  };
  return { server, directory, end };
}

/** Removes what a setup left on disk. */
export const cleanUp = ({ directory }: Setup): void => rmSync(directory, { recursive: true, force: true });
