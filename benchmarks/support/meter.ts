/** One JSON line for each figure: units a second by the wall, and what each costs this process and the other one. */
import { performance } from 'node:perf_hooks';
import { threadCpuMs } from './commands.ts';
import { machine } from './setup.ts';

export interface Measured {
  readonly seconds: number;
  readonly perSecond: number;
  /** User and system time of this process for each unit. */
  readonly cpuMicros: number;
  /** Of the main thread of the other process for each unit. */
  readonly otherCpuMicros?: number;
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** Runs something that does so many units; `otherPid` is the process on the other side. */
export async function meter(units: number, run: () => Promise<void>, otherPid?: number): Promise<Measured> {
  const otherBefore = otherPid === undefined ? 0 : threadCpuMs(otherPid);
  const before = process.cpuUsage();
  const startedMs = performance.now();
  await run();
  const seconds = (performance.now() - startedMs) / 1000;
  const used = process.cpuUsage(before);
  const otherMs = otherPid === undefined ? undefined : threadCpuMs(otherPid) - otherBefore;
  return {
    seconds: round(seconds, 3),
    perSecond: Math.round(units / seconds),
    cpuMicros: round((used.user + used.system) / units, 2),
    ...(otherMs === undefined ? {} : { otherCpuMicros: round((otherMs * 1000) / units, 2) }),
  };
}

/** Of several runs the one in the middle by its rate. */
export function middle<M extends Measured>(runs: readonly M[]): M {
  const sorted = [...runs].sort((a, b) => a.perSecond - b.perSecond);
  return sorted[sorted.length >> 1] as M;
}

export function print(benchmark: string, figure: string, more: object): void {
  process.stdout.write(`${JSON.stringify({ benchmark, figure, ...more, machine })}\n`);
}
