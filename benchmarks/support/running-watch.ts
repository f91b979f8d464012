/** When a task of an app runs, as a reader of the event stream learns it. */

/** Of sorted values; `p` from 0 to 1. */
export const percentile = (sorted: readonly number[], p: number): number =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0).toFixed(1));

/** Tells who waits for an app that one of its tasks runs. */
export async function watchRunning(
  url: string,
): Promise<{ readonly next: (appId: string) => Promise<number>; readonly stop: () => void }> {
  const aborter = new AbortController();
  const waiting = new Map<string, (atMs: number) => void>();
  const response = await fetch(`${url}/v2/events?event_type=status_update_event`, {
    headers: { Accept: 'text/event-stream' },
    signal: aborter.signal,
  });
  const read = async (): Promise<void> => {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      rest += decoder.decode(chunk as Uint8Array, { stream: true });
      const frames = rest.split('\r\n\r\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        const data = /^data: (.*)$/m.exec(frame)?.[1];
        if (!data) continue;
        const event = JSON.parse(data) as { appId?: string; taskStatus?: string };
        if (event.taskStatus === 'TASK_RUNNING' && event.appId) waiting.get(event.appId)?.(performance.now());
      }
    }
  };
  read().catch(() => {});
  return {
    next: (appId) => new Promise((resolve) => waiting.set(appId, resolve)),
    stop: () => aborter.abort(),
  };
}
