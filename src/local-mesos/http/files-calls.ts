/** LIST_FILES and READ_FILE of the operator APIs (mesos-v1 §6.5, recording 12). Master and agents show the same files here. */
import type { ServerResponse } from 'node:http';
import { sendJson, sendText } from './answers.ts';
import { type Fields, message, num, required, str } from './convert.ts';
import { listFilesV1, locate, maxReadBytes, readFileV1 } from './files-endpoint.ts';

/** Bodies of these calls. */
export const filesCalls: Fields = {
  list_files: message({ path: required(str) }),
  read_file: message({ path: required(str), offset: required(num), length: num }),
};

export interface FilesCall {
  readonly path: string;
  readonly offset?: number;
  readonly length?: number;
}

/** Answers one of them. Without a root there are no files. */
export async function answerFilesCall(
  sandboxRoot: string | undefined,
  type: 'LIST_FILES' | 'READ_FILE',
  { path, offset = 0, length = maxReadBytes }: FilesCall,
  res: ServerResponse,
): Promise<void> {
  const wrong = Object.entries({ offset, length }).find(([, value]) => !Number.isSafeInteger(value) || value < 0);
  if (wrong !== undefined) {
    sendText(res, 400, `Failed to convert JSON into Call protobuf: Not expecting ${wrong[1]} for field '${wrong[0]}'`);
    return;
  }
  try {
    const found = sandboxRoot === undefined ? undefined : await locate(sandboxRoot, path);
    if (found === undefined || 'status' in found) sendText(res, found?.status ?? 404, found?.text ?? '');
    else if (type === 'LIST_FILES') {
      const infos = await listFilesV1(found.path, path);
      sendJson(res, { type, list_files: infos.length === 0 ? {} : { file_infos: infos } });
    } else {
      const part = await readFileV1(found.path, offset, length);
      if (part === undefined) sendText(res, 400, 'Cannot read a directory.\n');
      else sendJson(res, { type, read_file: part });
    }
  } catch (error) {
    const { code, message: reason } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') sendText(res, 404, '');
    else sendText(res, 500, `${reason}\n`);
  }
}
