/** POST /slave(N)/api/v1: the files of an agent's tasks in the words of its operator API (mesos-v1 §6.5, recording 12). */
import { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { readBody, sendJson, sendText, sendWrongMethod } from './answers.ts';
import { listing, locate, maxReadBytes } from './files-endpoint.ts';
import type { Endpoint } from './server.ts';

interface FilesCall {
  readonly type?: unknown;
  readonly list_files?: { readonly path?: unknown };
  readonly read_file?: { readonly path?: unknown; readonly offset?: unknown; readonly length?: unknown };
}

/** LIST_FILES and READ_FILE; what else a real agent answers is 501. */
export function agentApi(root: string | undefined): Endpoint {
  return (req, res) => {
    if (req.method !== 'POST') {
      sendWrongMethod(res, 'POST', req.method ?? '');
      return;
    }
    readBody(req, res, (body) => {
      const call = parse(body);
      if (req.headers['content-type'] !== 'application/json') {
        sendText(res, 415, `Expecting 'Content-Type' of application/json or application/x-protobuf`);
      } else if (call === undefined) sendText(res, 400, 'Failed to parse body into JSON: syntax error');
      else answer(root, call, res).catch((error: NodeJS.ErrnoException) => sendFault(res, error));
    });
  };
}

function parse(body: Buffer): FilesCall | undefined {
  try {
    const call: unknown = JSON.parse(body.toString());
    return typeof call === 'object' && call !== null ? call : undefined;
  } catch {
    return undefined;
  }
}

function sendFault(res: ServerResponse, { code, message }: NodeJS.ErrnoException): void {
  if (code === 'ENOENT' || code === 'ENOTDIR') sendText(res, 404, '');
  else sendText(res, 500, `${message}\n`);
}

async function answer(root: string | undefined, call: FilesCall, res: ServerResponse): Promise<void> {
  const { type } = call;
  if (type !== 'LIST_FILES' && type !== 'READ_FILE') {
    sendText(res, 501);
    return;
  }
  const body = type === 'LIST_FILES' ? call.list_files : call.read_file;
  const path = body?.path;
  if (typeof path !== 'string') {
    sendText(res, 400, `Failed to validate agent::Call: Expecting '${type.toLowerCase()}' to be present`);
    return;
  }
  const found = root === undefined ? ({ status: 404, text: '' } as const) : await locate(root, path);
  if ('status' in found) sendText(res, found.status, found.text);
  else if (type === 'LIST_FILES') await list(found.path, path, res);
  else await read(found.path, call.read_file ?? {}, res);
}

interface Listed {
  readonly path: string;
  readonly mtime: number;
  readonly mode: string;
}

async function list(real: string, path: string, res: ServerResponse): Promise<void> {
  const infos = ((await listing(real, path)) as readonly Listed[]).map(({ mtime, mode, ...info }) => ({
    ...info,
    mode: modeNumber(mode),
    mtime: { nanoseconds: mtime * 1e9 },
  }));
  sendJson(res, { type: 'LIST_FILES', list_files: { file_infos: infos } });
}

const kinds: Readonly<Record<string, number>> = { d: 0o040_000, l: 0o120_000, '-': 0o100_000 };

/** The number behind `-rw-r--r--`. */
const modeNumber = (text: string): number =>
  [...text.slice(1)].reduce(
    (mode, letter, i) => (letter === '-' ? mode : mode | (0o400 >> i)),
    kinds[text[0] ?? ''] ?? 0,
  );

const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0;

/** What stands at an offset, in base64, so that any bytes come as they are. */
async function read(
  path: string,
  { offset = 0, length = maxReadBytes }: NonNullable<FilesCall['read_file']>,
  res: ServerResponse,
): Promise<void> {
  if (!isCount(offset) || !isCount(length)) {
    sendText(res, 400, 'Failed to convert JSON into Call protobuf');
    return;
  }
  const file = await open(path, 'r');
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) {
      sendText(res, 400, 'Cannot read a directory.\n');
      return;
    }
    const wanted = Math.max(0, Math.min(length, maxReadBytes, stats.size - offset));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, offset);
    const data = buffer.toString('base64', 0, bytesRead);
    sendJson(res, { type: 'READ_FILE', read_file: { size: stats.size, data } });
  } finally {
    await file.close();
  }
}
