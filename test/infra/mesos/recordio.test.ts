import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRecordDecoder, type RecordFault } from '../../../src/infra/mesos/recordio.ts';
import { frame, recorded } from './recorded.ts';

function decode(chunks: readonly Buffer[], maxBytes?: number): { records: string[]; fault: RecordFault | undefined } {
  const records: string[] = [];
  const decoder = createRecordDecoder((record) => records.push(record), maxBytes);
  let fault: RecordFault | undefined;
  for (const chunk of chunks) fault = decoder.push(chunk);
  return { records, fault };
}

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

describe('the RecordIO decoder', () => {
  it('finds the recorded frames wherever the stream is cut in two', () => {
    const texts = recorded.records.slice(0, 6).map((record) => JSON.stringify(record));
    const bytes = Buffer.concat(texts.map(frame));
    for (let place = 0; place <= bytes.length; place += 1) {
      expect(decode(cut(bytes, [place])).records).toEqual(texts);
    }
  });

  it('finds any records, of any characters, however they are cut', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), fc.array(fc.nat(2_000), { maxLength: 40 }), (texts, places) => {
        const { records, fault } = decode(cut(Buffer.concat(texts.map(frame)), places));
        expect(records).toEqual(texts);
        expect(fault).toBeUndefined();
      }),
    );
  });

  it('finds records when every byte comes alone', () => {
    const texts = ['{"a":"ü€𝄞"}', '1', JSON.stringify(recorded.records[2])];
    const bytes = Buffer.concat(texts.map(frame));
    expect(decode([...bytes].map((byte) => Buffer.from([byte]))).records).toEqual(texts);
  });

  it('gathers a record of many megabytes from small chunks, and goes on with the next', () => {
    const large = `"${'ä'.repeat(8 * 1024 * 1024)}"`;
    const bytes = Buffer.concat([frame(large), frame('2')]);
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 1_447) chunks.push(bytes.subarray(at, at + 1_447));
    const { records } = decode(chunks);
    expect(records.length).toBe(2);
    expect(records[0] === large).toBe(true);
    expect(records[1]).toBe('2');
  });

  it.each([
    '0\n',
    '\n',
    '-1\n1',
    '+1\n1',
    ' 1\n1',
    '1 \n1',
    '0x1\n1',
    '{"type":"HEARTBEAT"}',
    '1\r\n1',
    '000000000000000000001\n1',
  ])('refuses the length %j', (text) => {
    const { records, fault } = decode([Buffer.from(text)]);
    expect(fault?.code).toBe('RECORD_BAD_LENGTH');
    expect(records).toEqual([]);
  });

  it('keeps the records before a bad length and takes none after it', () => {
    const { records, fault } = decode([Buffer.concat([frame('1'), Buffer.from('x\n')]), frame('2')]);
    expect(records).toEqual(['1']);
    expect(fault?.code).toBe('RECORD_BAD_LENGTH');
  });

  it('refuses a record above the limit as soon as its length is known', () => {
    expect(decode([Buffer.from('101\n')], 100).fault?.code).toBe('RECORD_TOO_LARGE');
    expect(decode([frame('x'.repeat(100))], 100).records.length).toBe(1);
  });

  it('takes nothing more once it is stopped, even from the same chunk', () => {
    const records: string[] = [];
    const decoder = createRecordDecoder((record) => {
      records.push(record);
      decoder.stop();
    });
    decoder.push(Buffer.concat([frame('1'), frame('2')]));
    expect(records).toEqual(['1']);
  });
});
