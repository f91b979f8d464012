/** Following a file: every byte once and in order, whatever becomes of the file, the agent and the reader. */
import { describe, expect, it } from 'vitest';
import { type FollowEvent, followFile, partBytes, patienceMs } from '../../../src/api/files/file-follower.ts';
import { FakeFiles } from '../../support/fake-files.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function following(offset = 0, isReady: () => boolean = () => true) {
  const files = new FakeFiles();
  const clock = createVirtualClock();
  const task = { isOver: false };
  const events: FollowEvent[] = [];
  const waiting: (() => void)[] = [];
  files.write('stdout', '');
  const begin = () =>
    followFile({
      files: files.port,
      clock,
      task: { place: { taskId: 't', agentId: 'S', executorIds: ['t'] }, isOver: () => task.isOver },
      path: 'stdout',
      offset,
      tell: (event) => events.push(event),
      whenReady: (proceed) => {
        if (isReady()) proceed();
        else waiting.push(proceed);
      },
    });
  const pass = async (ms = 1_000): Promise<void> => {
    for (let t = 0; t < ms; t += 100) {
      clock.advance(100);
      await settle();
    }
  };
  const text = (): string => events.map((event) => (event.type === 'data' ? event.text : `<${event.type}>`)).join('');
  return { files, clock, task, events, waiting, begin, pass, text };
}

describe('following a file', () => {
  it('tells what is there and what comes, each byte once, and ends when the task is over and all is read', async () => {
    const { files, task, begin, pass, events, text } = following();
    files.write('stdout', 'a\n');
    begin();
    await pass();
    for (const line of ['b\n', 'c\n']) {
      files.append('stdout', line);
      await pass();
    }
    task.isOver = true;
    files.append('stdout', 'last words');
    await pass(3_000);
    expect(text()).toBe('a\nb\nc\nlast words<end>');
    expect(events.map(({ offset }) => offset)).toEqual([0, 2, 4, 6, 16]);
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'taskOver', offset: 16 });
  });

  it('begins where it is told to', async () => {
    const { files, begin, pass, events } = following(3);
    files.write('stdout', 'abcdef');
    begin();
    await pass();
    expect(events).toEqual([{ type: 'data', offset: 3, next: 6, text: 'def' }]);
  });

  it('reads on at once while there is more, and seldom while there is nothing', async () => {
    const { files, begin, pass, text } = following();
    const much = 'x'.repeat(partBytes * 3 + 7);
    files.write('stdout', much);
    begin();
    await settle();
    await settle();
    expect(text()).toBe(much);
    await pass(10_000);
    const before = files.asked;
    await pass(60_000);
    expect(files.asked - before).toBeLessThanOrEqual(61);
    expect(files.asked - before).toBeGreaterThan(30);
  });

  it('reads nothing while the reader does not take what is there', async () => {
    let isReady = false;
    const { files, begin, pass, waiting, text } = following(0, () => isReady);
    files.write('stdout', 'x'.repeat(partBytes * 4));
    begin();
    await pass(60_000);
    expect(files.asked).toBe(1);
    isReady = true;
    for (const proceed of waiting.splice(0)) proceed();
    await pass();
    expect(text().length).toBe(partBytes * 4);
  });

  it('does not cut characters, and gives half of one only when nothing more comes', async () => {
    const { files, task, begin, pass, text } = following();
    const bytes = Buffer.from('a€');
    files.write('stdout', bytes.subarray(0, 2));
    begin();
    await pass();
    expect(text()).toBe('a');
    files.append('stdout', bytes.subarray(2));
    await pass();
    expect(text()).toBe('a€');
    files.append('stdout', bytes.subarray(1, 3));
    task.isOver = true;
    await pass(3_000);
    expect(text()).toBe('a€\ufffd<end>');
  });

  it('reads a rotated file to its end under its new name, says so, and goes on with the new one', async () => {
    const { files, begin, pass, text, events } = following();
    files.write('stdout', 'old 1\n');
    begin();
    await pass();
    files.write('stdout.1', 'old 1\nold 2\n');
    files.write('stdout', 'new\n');
    await pass();
    files.append('stdout', 'newer\n');
    await pass();
    expect(text()).toBe('old 1\nold 2\n<restart>new\nnewer\n');
    expect(events.find(({ type }) => type === 'restart')).toEqual({ type: 'restart', offset: 12, reason: 'rotated' });
  });

  it.each(['new 1\n', 'new 1\nnew 2\n', 'x'.repeat(10_000)])(
    'knows a new file by what is in it, even if it is as long as the old one: %j',
    async (content) => {
      const { files, begin, pass, text } = following();
      files.write('stdout', 'old 1\n');
      begin();
      await pass();
      files.write('stdout.1', 'old 1\n');
      files.write('stdout', content);
      await pass();
      expect(text()).toBe(`old 1\n<restart>${content}`);
    },
  );

  it('is not misled by an older file of the same name', async () => {
    const { files, begin, pass, text, events } = following();
    files.write('stdout.1', 'something quite old\n');
    files.write('stdout', 'old 1\n');
    begin();
    await pass();
    files.write('stdout', '');
    files.append('stdout', 'new\n');
    await pass();
    expect(text()).toBe('old 1\n<restart>new\n');
    expect(events.find(({ type }) => type === 'restart')).toMatchObject({ reason: 'truncated' });
  });

  it('says that a file was cut, and goes on at its new beginning', async () => {
    const { files, begin, pass, text, events } = following();
    files.write('stdout', 'old\n');
    begin();
    await pass();
    files.write('stdout', '');
    await pass();
    files.append('stdout', 'new\n');
    await pass();
    expect(text()).toBe('old\n<restart>new\n');
    expect(events.find(({ type }) => type === 'restart')).toMatchObject({ offset: 4, reason: 'truncated' });
  });

  it('bears an agent that is away, but not for ever', async () => {
    const { files, begin, pass, text, events } = following();
    files.write('stdout', 'a');
    begin();
    await pass();
    files.fails = { kind: 'away', reason: 'S cannot be asked' };
    await pass(patienceMs / 2);
    files.fails = undefined;
    files.append('stdout', 'b');
    await pass();
    expect(text()).toBe('ab');
    files.fails = { kind: 'away', reason: 'S cannot be asked' };
    await pass(patienceMs + 5_000);
    expect(events.at(-1)).toMatchObject({ type: 'failed', offset: 2, failure: { reason: 'S cannot be asked' } });
    const { asked } = files;
    await pass(60_000);
    expect(files.asked).toBe(asked);
  });

  it('ends when the sandbox of a task that is over has gone', async () => {
    const { files, task, begin, pass, events } = following();
    begin();
    task.isOver = true;
    files.content.delete('stdout');
    await pass();
    expect(events.map(({ type }) => type)).toEqual(['failed']);
  });

  it('tells nothing to who has left, and leaves no timer behind', async () => {
    const { files, clock, begin, pass, events } = following();
    const leave = begin();
    await pass();
    leave();
    files.append('stdout', 'late');
    await pass();
    expect(events).toEqual([]);
    expect(clock.pending()).toBe(0);
  });
});
