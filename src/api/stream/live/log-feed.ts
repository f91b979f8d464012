/** The log stream of `/v2/live`: a file of a task, from the same follower as the one over SSE. */
import type { Refusal } from '../../../core/refusal.ts';
import type { FollowEvent } from '../../files/file-follower.ts';
import type { TaskFiles } from '../../files/task-files.ts';
import type { StreamConnection } from '../reader.ts';
import type { LogFrame } from './log-frame.ts';

/** Logs that one connection follows at most. */
export const maxLogs = 8;
/** Unsent bytes of the connection beyond which nothing more is read from the agent. */
const maxLogBacklogBytes = 256 * 1024;

export interface LogHands {
  readonly files: TaskFiles;
  readonly connection: StreamConnection;
  readonly say: (message: object) => void;
  readonly newestId: () => string | undefined;
  /** The subscription is over by itself. */
  readonly ended: () => void;
}

/**
 * Looks for the file, says `subscribed` with the offset it begins at, then `log` with what comes, `gap` where the file began anew, and at its end
 * `unsubscribed` with a reason, or an error. Returns how to leave.
 */
export function followLog({ sub, task, path, start }: LogFrame, hands: LogHands): () => void {
  const { files, connection, say, newestId, ended } = hands;
  let isLeft = false;
  let leave = (): void => {};
  const over = (message: object): void => {
    say(message);
    leave();
    ended();
  };
  const tell = (event: FollowEvent): void => {
    switch (event.type) {
      case 'data':
        say({ op: 'log', sub, offset: event.offset, data: event.text });
        return;
      case 'restart':
        say({ op: 'gap', sub, from: event.offset, to: 0, reason: event.reason });
        return;
      case 'end':
        over({ op: 'unsubscribed', sub, offset: event.offset, reason: event.reason });
        return;
      case 'failed':
        over({ op: 'error', sub, code: 'logFailed', message: event.failure.reason });
        return;
    }
  };
  const whenReady = (proceed: () => void): void => {
    if (connection.backlogBytes() <= maxLogBacklogBytes) proceed();
    else connection.whenDrained(proceed);
  };
  void files.follow(task, path, start).then((file) => {
    if (!file.ok) {
      if (!isLeft) over({ op: 'error', sub, ...codeOf(file.error) });
      return;
    }
    if (!isLeft) say({ op: 'subscribed', sub, id: newestId(), offset: file.value.offset });
    leave = file.value.begin({ tell, whenReady });
    // It was left while it was looked for.
    if (isLeft) leave();
  });
  return () => {
    isLeft = true;
    leave();
  };
}

const codeOf = ({ status, message }: Refusal): { readonly code: string; readonly message: string } => ({
  code: status === 404 ? 'notFound' : status === 503 ? 'notReady' : 'badPath',
  message,
});
