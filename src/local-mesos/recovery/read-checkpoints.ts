/** Reads what an earlier run has written down of its frameworks and tasks. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '../../core/result.ts';
import {
  checkpointVersion,
  type FrameworkFile,
  type LaunchFile,
  metaDirectory,
  type StatusFile,
} from './checkpoints.ts';

export interface KeptTask {
  readonly launch: LaunchFile;
  /** Undefined: nothing had become of it yet. */
  readonly status: StatusFile | undefined;
}

export interface KeptFramework {
  readonly info: FrameworkFile['info'];
  readonly tasks: readonly KeptTask[];
}

/** Everything that was kept, or one sentence about the first file that cannot be understood. */
export async function readCheckpoints(workDir: string): Promise<Result<readonly KeptFramework[], string>> {
  const root = metaDirectory(workDir);
  const frameworks: KeptFramework[] = [];
  const found = await names(root);
  if (!found.ok) return found;
  for (const name of found.value) {
    const directory = join(root, name);
    const file = await read<FrameworkFile>(join(directory, 'framework.json'), isFramework);
    if (!file.ok) return file;
    // The directory was made, and the program killed before the file was.
    if (file.value === undefined) continue;
    const tasks: KeptTask[] = [];
    const taskNames = await names(join(directory, 'tasks'));
    if (!taskNames.ok) return taskNames;
    for (const task of taskNames.value) {
      const launch = await read<LaunchFile>(join(directory, 'tasks', task, 'launch.json'), isLaunch);
      const status = await read<StatusFile>(join(directory, 'tasks', task, 'status.json'), isStatus);
      if (!launch.ok) return launch;
      if (!status.ok) return status;
      if (launch.value !== undefined) tasks.push({ launch: launch.value, status: status.value });
    }
    frameworks.push({ info: file.value.info, tasks });
  }
  return ok(frameworks);
}

/** Empty when there is no such directory (yet). */
const names = (directory: string): Promise<Result<readonly string[], string>> =>
  readdir(directory).then(ok, ({ code, message }: NodeJS.ErrnoException) =>
    code === 'ENOENT' ? ok([]) : err(`${directory} cannot be read: ${message}`),
  );

/** Undefined when there is no such file. */
async function read<T extends { readonly version: number }>(
  path: string,
  isSane: (value: Partial<T>) => boolean,
): Promise<Result<T | undefined, string>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? ok(undefined) : err(`${path} cannot be read: ${message}`);
  }
  try {
    const value = JSON.parse(text) as Partial<T> | null;
    if (value?.version !== undefined && value.version !== checkpointVersion) {
      return err(`${path} is of format ${value.version}, which this version does not know`);
    }
    if (value !== null && value.version === checkpointVersion && isSane(value)) return ok(value as T);
  } catch {
    // Told below, with what to do.
  }
  return err(`${path} cannot be understood: remove the directory it is in, or start without --recover`);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const isFramework = ({ info }: Partial<FrameworkFile>): boolean =>
  isObject(info) && typeof info.id?.value === 'string' && typeof info.name === 'string';

const isLaunch = ({ role, order, executor }: Partial<LaunchFile>): boolean =>
  typeof role === 'string' &&
  (executor === undefined || typeof executor.info?.executor_id?.value === 'string') &&
  isObject(order) &&
  [order.agentId, order.frameworkId, order.hostname].every((text) => typeof text === 'string') &&
  typeof order.task?.task_id?.value === 'string' &&
  Array.isArray(order.task.resources);

const isStatus = ({ state, statuses, pending }: Partial<StatusFile>): boolean =>
  typeof state === 'string' &&
  Array.isArray(statuses) &&
  Array.isArray(pending) &&
  pending.every((one) => isObject(one) && typeof one['uuid'] === 'string' && typeof one['frame'] === 'string');
