/** What a client of `/v2/live` may say (design §7), and what is said of everything else. */
import { isEventType } from '../../../core/events.ts';
import { isPathId } from '../../../core/ids.ts';
import { err, ok, type Result } from '../../../core/result.ts';
import { type LabelFilter, parseLabelSelector } from '../../label-selector.ts';
import { parsePoint, type ResumePoint } from '../resume.ts';
import { type LogFrame, readLogFrame } from './log-frame.ts';
import { isTopic, type Topic, topics } from './state-objects.ts';

/** Largest frame of a client, in bytes; a larger one is refused, and one beyond the second limit ends the connection. */
export const maxFrameBytes = 64 * 1024;
export const maxPayloadBytes = 1024 * 1024;
/** Longest name of a subscription, in characters. */
const maxSubLength = 100;

/** Apps below a path, and with certain labels; the texts are what the client gave. */
export interface AppSelection {
  readonly prefix: string | undefined;
  readonly label: string | undefined;
  readonly hasLabels: LabelFilter;
}

export type ClientFrame =
  | {
      readonly op: 'subscribe';
      readonly sub: string;
      readonly stream: 'events';
      /** None = all. */
      readonly types: readonly string[];
      readonly selection: AppSelection;
      readonly since: ResumePoint;
    }
  | {
      readonly op: 'subscribe';
      readonly sub: string;
      readonly stream: 'state';
      readonly topics: readonly Topic[];
      readonly selection: AppSelection;
    }
  | LogFrame
  | { readonly op: 'unsubscribe'; readonly sub: string }
  | { readonly op: 'ping' };

/** Goes back as `{"op":"error",…}`. `sub` is there if the client named one. */
export interface FrameError {
  readonly sub?: string;
  readonly code: string;
  readonly message: string;
}

/** Reads one frame. */
export function readFrame(data: Buffer, isBinary: boolean): Result<ClientFrame, FrameError> {
  if (isBinary) return err({ code: 'binaryFrame', message: 'Frames are JSON texts' });
  if (data.length > maxFrameBytes) {
    return err({ code: 'tooLarge', message: `A frame has at most ${maxFrameBytes} bytes` });
  }
  let frame: unknown;
  try {
    frame = JSON.parse(data.toString('utf8'));
  } catch {
    return err({ code: 'badJson', message: 'The frame is not JSON' });
  }
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) {
    return err({ code: 'badJson', message: 'The frame is not a JSON object' });
  }
  return readOp(frame as Readonly<Record<string, unknown>>);
}

type Members = Readonly<Record<string, unknown>>;

function readOp(frame: Members): Result<ClientFrame, FrameError> {
  const { op, sub } = frame;
  if (op === 'ping') return ok({ op });
  const named = typeof sub === 'string' && sub !== '' && sub.length <= maxSubLength ? sub : undefined;
  const refuse = (code: string, message: string): Result<never, FrameError> =>
    err({ ...(named === undefined ? {} : { sub: named }), code, message });
  if (op !== 'subscribe' && op !== 'unsubscribe') {
    return refuse('unknownOp', `op is "subscribe", "unsubscribe" or "ping", not ${shown(op)}`);
  }
  if (named === undefined) return refuse('badSub', `sub is a name of 1 to ${maxSubLength} characters`);
  if (op === 'unsubscribe') return ok({ op, sub: named });
  const selection = readSelection(frame);
  if (!selection.ok) return refuse(selection.error.code, selection.error.message);
  switch (frame['stream']) {
    case 'events':
      return readEvents(frame, named, selection.value, refuse);
    case 'state':
      return readState(frame, named, selection.value, refuse);
    case 'log': {
      const log = readLogFrame(frame, named);
      return log.ok ? log : refuse(log.error.code, log.error.message);
    }
    default:
      return refuse('unknownStream', `stream is "events", "state" or "log", not ${shown(frame['stream'])}`);
  }
}

type Refuse = (code: string, message: string) => Result<never, FrameError>;

function readEvents(
  frame: Members,
  sub: string,
  selection: AppSelection,
  refuse: Refuse,
): Result<ClientFrame, FrameError> {
  const { types = [], since = '' } = frame;
  if (!isTextList(types)) return refuse('badTypes', 'types is a list of event types');
  const unknown = types.find((type) => !isEventType(type));
  if (unknown !== undefined) return refuse('unknownType', `There is no event type ${shown(unknown)}`);
  if (typeof since !== 'string') return refuse('badSince', 'since is an event id');
  const point = parsePoint(since);
  if (!point.ok) return refuse('badSince', point.error.message);
  return ok({ op: 'subscribe', sub, stream: 'events', types, selection, since: point.value });
}

function readState(
  frame: Members,
  sub: string,
  selection: AppSelection,
  refuse: Refuse,
): Result<ClientFrame, FrameError> {
  const asked = frame['topics'] ?? topics;
  if (!isTextList(asked)) return refuse('badTopics', `topics is a list of ${topics.join(', ')}`);
  const unknown = asked.find((topic) => !isTopic(topic));
  if (unknown !== undefined) return refuse('unknownTopic', `There is no topic ${shown(unknown)}`);
  const chosen = topics.filter((topic) => asked.includes(topic));
  if (chosen.length === 0) return refuse('badTopics', 'topics names at least one topic');
  return ok({ op: 'subscribe', sub, stream: 'state', topics: chosen, selection });
}

function readSelection({ prefix, label }: Members): Result<AppSelection, FrameError> {
  if (prefix !== undefined && (typeof prefix !== 'string' || !isPath(prefix))) {
    return err({ code: 'badPrefix', message: 'prefix is a path such as /prod' });
  }
  if (label !== undefined && typeof label !== 'string')
    return err({ code: 'badLabel', message: 'label is a selector' });
  const parsed = parseLabelSelector(label ?? '');
  if (!parsed.ok) return err({ code: 'badLabel', message: parsed.error.message });
  const below = prefix === undefined || prefix === '/' ? undefined : prefix;
  return ok({ prefix: below, label: label === '' ? undefined : label, hasLabels: parsed.value });
}

const isPath = (text: string): boolean => text === '/' || (text.startsWith('/') && isPathId(text));

const isTextList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length <= 100 && value.every((one) => typeof one === 'string');

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 100);
