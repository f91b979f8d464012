/** The first line of an HTTP/1 answer, which is all that a health check wants to know. */

/** Bytes in which an answer must come to its status; more is no HTTP. */
export const maxHeadBytes = 16_384;

export type Scan =
  /** Not decided yet; `rest` must be given again in front of what comes next, `interim` is the last 1xx so far. */
  | { readonly type: 'more'; readonly rest: string; readonly interim: number | undefined }
  | { readonly type: 'status'; readonly status: number }
  | { readonly type: 'invalid' };

const statusLine = /^HTTP\/1\.[0-9] ([1-9][0-9]{2})(?:[ \t].*)?$/;

/**
 * Looks for the final status in what was read so far. A 1xx announces another answer, which counts instead if it comes, except 101:
 * nothing of HTTP follows it. Lines may end with LF alone, and empty lines may precede the first.
 */
export function scanAnswer(text: string, interim: number | undefined): Scan {
  let rest = text;
  let last = interim;
  for (;;) {
    rest = rest.replace(/^(?:\r?\n)+/, '');
    const end = rest.indexOf('\n');
    if (end < 0) return rest.length > maxHeadBytes ? { type: 'invalid' } : { type: 'more', rest, interim: last };
    const match = statusLine.exec(rest.slice(0, end).replace(/\r$/, ''));
    if (!match) return { type: 'invalid' };
    const status = Number(match[1]);
    if (status === 101 || status >= 200) return { type: 'status', status };
    const headEnd = /\r?\n\r?\n/.exec(rest.slice(end - 1));
    if (!headEnd) {
      return rest.length > maxHeadBytes ? { type: 'invalid' } : { type: 'more', rest, interim: status };
    }
    last = status;
    rest = rest.slice(end - 1 + headEnd.index + headEnd[0].length);
  }
}

/** Printable ASCII goes out as it is; the rest is escaped, so that no path can smuggle a line into the request. */
export const sendablePath = (path: string): string => path.replace(/[^\u0021-\u007e]+/gu, (part) => escapeText(part));

/** The request of a health check: one answer, then the end of the connection. */
export function requestText(host: string, port: number, path: string, defaultPort: number): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return [
    `GET ${sendablePath(path)} HTTP/1.1`,
    `Host: ${port === defaultPort ? name : `${name}:${port}`}`,
    'User-Agent: ultramarathon',
    'Accept: */*',
    'Connection: close',
    '',
    '',
  ].join('\r\n');
}

/** A lone half of a surrogate pair has no UTF-8 form; it goes out as U+FFFD does. */
const escapeText = (text: string): string => encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
