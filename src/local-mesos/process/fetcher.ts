/** Brings the files that a task asks for into its sandbox before it starts (mesos-v1 §5.6). */
import { appendFile, chmod, lchown, lstat, mkdir } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandUri } from '../../core/mesos/types.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { archiveKindOf, extractArchive } from './archive.ts';
import { staysInside } from './container-plan.ts';
import { download } from './download.ts';
import type { SystemUser } from './system-user.ts';
import { runTool } from './tool.ts';

export interface FetchScene {
  readonly sandbox: string;
  /** Local files are copied and archives extracted as this user, so that nobody reads what they may not. */
  readonly user: SystemUser | undefined;
  /** Absolute; relative URIs start here. */
  readonly frameworksHome: string;
  /** Aborted when the task is killed meanwhile. */
  readonly signal: AbortSignal;
}

/** All URIs of one task together may take this long. */
const fetchTimeoutMs = 10 * 60_000;

/**
 * Fetches all URIs in order, one after the other, and stops at the first that fails; the error names it. What happens is logged
 * into the sandbox' stderr. `cache` is accepted and means nothing here: every task gets a fresh copy.
 */
export async function fetchAll(uris: readonly CommandUri[], scene: FetchScene): Promise<Result<void, string>> {
  const signal = AbortSignal.any([scene.signal, AbortSignal.timeout(fetchTimeoutMs)]);
  const log = (line: string): Promise<void> => appendFile(join(scene.sandbox, 'stderr'), `${line}\n`);
  for (const uri of uris) {
    await log(`Fetching '${uri.value}'`);
    const fetched = await fetchOne(uri, { ...scene, signal }).catch((error: Error) => err(error.message));
    if (!fetched.ok) {
      const why = scene.signal.aborted || !signal.aborted ? fetched.error : `not done after ${fetchTimeoutMs / 1000} s`;
      const text = `Failed to fetch '${uri.value}': ${why}`;
      await log(text);
      return err(text);
    }
    await log(`Fetched '${uri.value}' to '${fetched.value}'`);
  }
  return ok(undefined);
}

async function fetchOne(uri: CommandUri, scene: FetchScene): Promise<Result<string, string>> {
  const name = localName(uri);
  if (!name.ok) return name;
  const path = join(scene.sandbox, name.value);
  const parent = await makeParents(scene, name.value);
  if (!parent.ok) return parent;
  const brought = await bring(uri.value, path, scene);
  if (!brought.ok) return brought;
  if (uri.executable === true) {
    await chmod(path, 0o755);
    return ok(path);
  }
  const kind = uri.extract === false ? undefined : archiveKindOf(name.value);
  if (kind === undefined || !(await lstat(path)).isFile()) return ok(path);
  const extracted = await extractArchive({ path, kind, into: scene.sandbox, user: scene.user, signal: scene.signal });
  return extracted.ok ? ok(path) : err(`cannot extract it: ${extracted.error}`);
}

/** File name in the sandbox: `output_file`, else what follows the last slash of the URI, its query string included. */
function localName(uri: CommandUri): Result<string, string> {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is one of the characters that Mesos refuses
  if (/[\\'\u0000]/.test(uri.value)) return err('Illegal characters in URI');
  if (uri.output_file !== undefined && uri.output_file !== '') {
    if (staysInside(uri.output_file)) return ok(uri.output_file);
    return err('URI output file must be within the sandbox directory');
  }
  const path = uri.value.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '');
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === '' || name === '.' || name === '..') return err('Malformed URI (missing path)');
  return ok(name);
}

/** Creates the directories of an `output_file`, and refuses to walk through links that an archive may have left there. */
async function makeParents(scene: FetchScene, name: string): Promise<Result<void, string>> {
  let path = scene.sandbox;
  for (const part of dirname(name).split('/')) {
    if (part === '' || part === '.') continue;
    path = join(path, part);
    // Whether it was there, or cannot be made, shows below.
    const made = await mkdir(path).then(
      () => true,
      () => false,
    );
    if (made && scene.user !== undefined) await lchown(path, scene.user.uid, scene.user.gid);
    if (!(await lstat(path)).isDirectory()) return err(`'${part}' in the output file is not a directory`);
  }
  return ok(undefined);
}

async function bring(uri: string, path: string, scene: FetchScene): Promise<Result<void, string>> {
  if (/^https?:\/\//i.test(uri)) {
    const loaded = await download(uri, path, scene.signal);
    if (loaded.ok && scene.user !== undefined) await lchown(path, scene.user.uid, scene.user.gid);
    return loaded;
  }
  const local = localPath(uri, scene.frameworksHome);
  if (!local.ok) return local;
  // Named from within the sandbox, since the task's user may not be allowed to pass through the directories above it.
  const copied = await runTool(
    'cp',
    ['-R', '-H', '-f', '--', local.value, `./${relative(scene.sandbox, path)}`],
    scene,
  );
  return copied.ok ? ok(undefined) : err(copied.error);
}

function localPath(uri: string, frameworksHome: string): Result<string, string> {
  if (isAbsolute(uri)) return ok(uri);
  if (!/^[a-z][a-z0-9+.-]*:/i.test(uri)) return ok(join(frameworksHome, uri));
  if (!/^file:/i.test(uri)) return err('only http, https, file and paths can be fetched');
  try {
    return ok(fileURLToPath(uri));
  } catch {
    return err('not a path on this machine');
  }
}
