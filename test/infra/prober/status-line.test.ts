import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxHeadBytes, requestText, scanAnswer, sendablePath } from '../../../src/infra/prober/status-line.ts';

/** Feeds the pieces one after another, as a socket would. */
function scanAll(pieces: readonly string[]) {
  let rest = '';
  let interim: number | undefined;
  for (const piece of pieces) {
    const scan = scanAnswer(rest + piece, interim);
    if (scan.type !== 'more') return scan;
    ({ rest, interim } = scan);
  }
  return { type: 'more', interim };
}

describe('The status of an answer', () => {
  it.each([
    ['HTTP/1.1 200 OK\r\n', { type: 'status', status: 200 }],
    ['HTTP/1.0 404\r\n', { type: 'status', status: 404 }],
    ['\r\nHTTP/1.1 204 No Content\n', { type: 'status', status: 204 }],
    ['HTTP/1.1 101 Switching Protocols\r\n', { type: 'status', status: 101 }],
    ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Oops\r\n', { type: 'status', status: 500 }],
    ['HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', { type: 'more', interim: 103 }],
    ['HTTP/1.1 20', { type: 'more', interim: undefined }],
    ['HTTP/2 200\r\n', { type: 'invalid' }],
    ['HTTP/1.1 2000 OK\r\n', { type: 'invalid' }],
    ['SSH-2.0-OpenSSH_9.2\r\n', { type: 'invalid' }],
  ])('of %j is %j', (text, expected) => {
    expect(scanAll([text])).toMatchObject(expected);
  });

  it('is the same wherever the bytes are cut', () => {
    const text = 'HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /\r\n\r\nbody';
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 8 }), (cuts) => {
        const at = [0, ...[...cuts].sort((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((end, i) => text.slice(at[i], end));
        expect(scanAll(pieces)).toEqual({ type: 'status', status: 302 });
      }),
    );
  });

  it('is given up when too much comes before it', () => {
    expect(scanAnswer('x'.repeat(maxHeadBytes + 1), undefined)).toEqual({ type: 'invalid' });
    const endless = `HTTP/1.1 103 Early Hints\r\n${'A: b\r\n'.repeat(maxHeadBytes)}`;
    expect(scanAnswer(endless, undefined)).toEqual({ type: 'invalid' });
  });
});

describe('The request', () => {
  it('names the host as it is asked, without the default port', () => {
    expect(requestText('::1', 8080, '/', 80)).toContain('\r\nHost: [::1]:8080\r\n');
    expect(requestText('host.some', 443, '/x?y=1', 443)).toMatch(/^GET \/x\?y=1 HTTP\/1\.1\r\nHost: host\.some\r\n/);
  });

  it('cannot be given a second line by a path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (path) => {
        expect(sendablePath(path)).toMatch(/^[\u0021-\u007e]*$/);
      }),
    );
    expect(sendablePath('/a b\r\nX: ü')).toBe('/a%20b%0D%0AX:%20%C3%BC');
  });
});
