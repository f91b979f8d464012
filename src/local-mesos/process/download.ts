/** Downloads one file over HTTP with limits on time, size and redirects. */
import { constants, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { err, ok, type Result } from '../../core/result.ts';

/** Largest file that is fetched. */
const maxDownloadBytes = 2 * 1024 ** 3;
/** A transfer without progress for this long is given up, as Mesos does after one minute. */
export const stallTimeoutMs = 60_000;
/** Redirects that are followed before giving up. */
const maxFetchRedirects = 5;

/** Writes the body of a 200 answer to `path`; any other answer is a failure. The error does not repeat the URI. */
export async function download(uri: string, path: string, signal: AbortSignal): Promise<Result<void, string>> {
  let url = uri;
  for (let redirects = 0; redirects <= maxFetchRedirects; redirects++) {
    if (!URL.canParse(url)) return err(`'${url}' is not a URL`);
    const answered = await request(url, signal);
    if (!answered.ok) return answered;
    const response = answered.value;
    const status = response.statusCode ?? 0;
    if (status === 200) return save(response, path, signal);
    response.destroy();
    const { location } = response.headers;
    if (status < 300 || status >= 400 || location === undefined) return err(`the server answered ${status}`);
    if (!URL.canParse(location, url)) return err(`redirected to '${location}', which is not a URL`);
    url = new URL(location, url).href;
    if (!/^https?:/.test(url)) return err(`redirected to '${url}', which is not http`);
  }
  return err(`more than ${maxFetchRedirects} redirects`);
}

function request(url: string, signal: AbortSignal): Promise<Result<http.IncomingMessage, string>> {
  return new Promise((resolve) => {
    const client = url.startsWith('https:') ? https : http;
    const request = client.get(url, { signal, agent: false, headers: { Connection: 'close' } }, (response) => {
      resolve(ok(response));
    });
    request.setTimeout(stallTimeoutMs, () => request.destroy(new Error(`no progress for ${stallTimeoutMs / 1000} s`)));
    request.on('error', (error: NodeJS.ErrnoException) =>
      resolve(err(error.message === '' ? String(error.code) : error.message)),
    );
  });
}

async function save(response: http.IncomingMessage, path: string, signal: AbortSignal): Promise<Result<void, string>> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  try {
    // @types/node knows only letters for the flags; the function also takes numbers, and there is no letter for NOFOLLOW.
    const file = createWriteStream(path, { flags: flags as unknown as string, mode: 0o644 });
    await pipeline(response, atMost(maxDownloadBytes), file, { signal });
    return ok(undefined);
  } catch (error) {
    await rm(path, { force: true });
    return err((error as Error).message);
  }
}

/** Passes bytes on and fails as soon as there are more than `limit` of them. */
export function atMost(limit: number): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > limit) done(new Error(`larger than the limit of ${limit} bytes`));
      else done(null, chunk);
    },
  });
}
