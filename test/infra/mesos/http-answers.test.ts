import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answer, createAnswerReader, MAX_HEAD_CHARS } from '../../../src/infra/mesos/http-answers.ts';

function read(chunks: readonly (string | Buffer)[], ends = false): { answers: Answer[]; fault: string | undefined } {
  const answers: Answer[] = [];
  const reader = createAnswerReader((answer) => answers.push(answer));
  let fault: string | undefined;
  for (const chunk of chunks) fault = reader.push(Buffer.from(chunk as string));
  if (ends) reader.end();
  return { answers, fault };
}

const accepted = 'HTTP/1.1 202 Accepted\r\nDate: Sun, 22 Nov 2026 11:33:35 GMT\r\nContent-Length: 0\r\n\r\n';
const refused =
  'HTTP/1.1 403 Forbidden\r\nDate: Sun, 22 Nov 2026 11:33:36 GMT\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 27\r\n\r\nFramework is not subscribed';
const chunked =
  'HTTP/1.1 400 Bad Request\r\ntransfer-encoding: gzip, chunked\r\n\r\n5\r\nNot a\r\nC;x=y\r\n valid\r\nUUID\r\n0\r\nTrailer: x\r\n\r\n';
const redirect = 'HTTP/1.1 307 Temporary Redirect\r\nLocation: //localhost:5050/x\r\nContent-Length: 0\r\n\r\n';

describe('the reader of answers', () => {
  it('reads a mixture of answers wherever the bytes are cut', () => {
    const text = [accepted, accepted, refused, chunked, 'HTTP/1.1 100 Continue\r\n\r\n', redirect, accepted].join('');
    const expected = read([text]).answers;
    expect(expected.map((answer) => answer.status)).toEqual([202, 202, 403, 400, 307, 202]);
    expect(expected[2]?.body).toBe('Framework is not subscribed');
    expect(expected[3]?.body).toBe('Not a valid\r\nUUID');
    expect(expected[4]?.location).toBe('//localhost:5050/x');
    for (let place = 1; place < text.length; place += 1) {
      expect(read([text.slice(0, place), text.slice(place)])).toEqual({ answers: expected, fault: undefined });
    }
    expect(read([...text]).answers).toEqual(expected);
  });

  it('reads bodies of any bytes and sizes', () => {
    const body = fc.string({ unit: 'binary-ascii', maxLength: 300 });
    fc.assert(
      fc.property(
        fc.array(body, { maxLength: 8 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 90 }),
        (bodies, asChunks, step) => {
          const text = bodies
            .map((one) =>
              asChunks
                ? `HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n${one && `${one.length.toString(16)}\r\n${one}\r\n`}0\r\n\r\n`
                : `HTTP/1.1 400 No\r\nContent-Length: ${one.length}\r\n\r\n${one}`,
            )
            .join('');
          const pieces: string[] = [];
          for (let at = 0; at < text.length; at += step) pieces.push(text.slice(at, at + step));
          expect(read(pieces).answers.map((answer) => answer.body)).toEqual(bodies);
        },
      ),
    );
  });

  it.each([
    ['Connection: close', 'HTTP/1.1', true],
    ['Connection: keep-alive', 'HTTP/1.1', false],
    ['X: y', 'HTTP/1.1', false],
    ['X: y', 'HTTP/1.0', true],
    ['Connection: Keep-Alive', 'HTTP/1.0', false],
  ])('knows from "%s" in %s whether the connection goes on', (header, version, closes) => {
    const { answers } = read([`${version} 202 Accepted\r\n${header}\r\nContent-Length: 0\r\n\r\n`]);
    expect(answers[0]?.closes).toBe(closes);
  });

  it('reads a body without a length until the connection ends', () => {
    const text = 'HTTP/1.0 503 Service Unavailable\r\n\r\nNo leader';
    expect(read([text]).answers).toEqual([]);
    expect(read([text, ' elected'], true).answers).toEqual([
      { status: 503, body: 'No leader elected', location: undefined, closes: true },
    ]);
  });

  it('keeps only the beginning of a long body', () => {
    const { answers } = read([`HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`, accepted]);
    expect(answers.map((answer) => [answer.status, answer.body.length])).toEqual([
      [500, 8192],
      [202, 0],
    ]);
  });

  it.each([
    'hello',
    'HTTP/2 202\r\n\r\n',
    'HTTP/1.1 999 No\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  ])('refuses %j', (text) => {
    expect(read([`${text}\r\n\r\n`]).fault).toBeTypeOf('string');
  });

  it('refuses headers that never end', () => {
    expect(read([`HTTP/1.1 202 A\r\n${'x'.repeat(MAX_HEAD_CHARS)}`]).fault).toBeTypeOf('string');
  });
});
