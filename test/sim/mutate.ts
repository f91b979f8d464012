/** Runs the simulation on a copy of the program with one mutant in it. */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutants.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Caught {
  readonly mutant: string;
  /** Undefined if all seeds held. */
  readonly seed: number | undefined;
  readonly checker: string;
  readonly text: string;
}

/** The source with the mutant in it. Throws if its place is not there, or not the only one. */
export async function mutatedSource({ name, file, find, put }: Mutant): Promise<string> {
  const source = await readFile(join(root, file), 'utf8');
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`"${name}": its place is ${places} times in ${file}`);
  return source.replace(find, () => put);
}

/** Looks for the first of `seeds` seeds that catches the mutant. */
export async function hunt(mutant: Mutant, seeds: number): Promise<Caught> {
  const folder = await mkdtemp(join(tmpdir(), 'ultramarathon-mutant-'));
  try {
    for (const part of ['src', 'test/sim', 'test/support', 'test/core/offer', 'package.json', 'tsconfig.json']) {
      await cp(join(root, part), join(folder, part), { recursive: true });
    }
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, mutant.file), await mutatedSource(mutant));
    const output = await run(folder, seeds);
    const found = /^seed (\d+): .*?: FAILED ([^:]+): (.*)$/m.exec(output);
    const [, seed, checker = '', text = ''] = found ?? [];
    if (!found && !output.includes(`${seeds} of ${seeds} seeds held`)) throw new Error(`${mutant.name}: ${output}`);
    return { mutant: mutant.name, seed: seed === undefined ? undefined : Number(seed), checker, text };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where the outcome of a hunt for all mutants is kept. */
export const reportFile = join(root, 'docs', 'reports', 'simulation-mutants.md');

/** The outcome as a page. */
export function reportOf(caught: readonly Caught[], seeds: number): string {
  const plain = (text: string): string => text.replaceAll('|', '/').slice(0, 120);
  const rows = caught.map(
    ({ mutant, seed, checker, text }) => `| ${mutant} | ${seed ?? 'none'} | ${checker} | ${plain(text)} |`,
  );
  return `# Planted bugs and what catches them

Each known bug of \`test/sim/mutants.ts\` is planted alone into a copy of the program, and the seeds of the simulation run from 1 on
until a checker fails, ${seeds} at most. Written by the long tests, and by \`node --import tsx test/sim/hunt.ts\`.

| planted | first seed | checker | what it said |
|---|---|---|---|
${rows.join('\n')}
`;
}

function run(folder: string, seeds: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = ['--import', 'tsx', 'test/sim/main.ts', '--seed', '1', '--count', String(seeds), '--first-failure'];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      output += data.toString();
    });
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}
