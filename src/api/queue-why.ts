/** The why-answers of a whole queue, in slices, so that a thousand waiting apps do not hold up everybody else. */
import type { QueueEntry } from '../actors/front.ts';
import type { ApiContext } from './context.ts';
import { shortWhyJson } from './render/why.ts';
import { whyAnswer } from './why-answers.ts';

/** Longest time that one slice holds the loop, milliseconds. */
const sliceMs = 10;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Makes a reader of answers; readers that come while it works get the same ones. */
export function queueWhy(context: ApiContext): (queue: readonly QueueEntry[]) => Promise<ReadonlyMap<string, string>> {
  let running: Promise<ReadonlyMap<string, string>> | undefined;
  const compute = async (queue: readonly QueueEntry[]): Promise<ReadonlyMap<string, string>> => {
    const { read, clock } = context.deps;
    const answers = new Map<string, string>();
    let begunMs = clock.monotonic();
    for (const { app } of queue) {
      answers.set(app.id, JSON.stringify(shortWhyJson(whyAnswer(read, read.app(app.id) ?? app, clock.now()))));
      if (clock.monotonic() - begunMs < sliceMs) continue;
      await nextTurn();
      begunMs = clock.monotonic();
    }
    return answers;
  };
  return (queue) => {
    running ??= compute(queue).finally(() => {
      running = undefined;
    });
    return running;
  };
}
