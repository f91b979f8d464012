/** What operations of the API's description are made of. */
import { type TSchema, Type } from 'typebox';
import { answer } from './responses.ts';

/** Status → shape of the JSON; `null` = no JSON. */
export type Answers = Readonly<Record<number, TSchema | null>>;

export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With `{id}` for paths of apps and groups, which may hold slashes. */
  readonly path: string;
  readonly summary: string;
  readonly query?: readonly QueryName[];
  readonly body?: TSchema;
  readonly answers: Answers;
  /** What a success without JSON is sent as. */
  readonly media?: string;
  /** A success is sent as plain text to those who ask for it. */
  readonly hasText?: true;
  /** A success is empty; the shape is that of a dry run. */
  readonly isEmptyUnlessDry?: true;
  /** There need not be a body. */
  readonly isBodyOptional?: true;
}

/** Headers that requests may carry, and where: an operation that answers with the status takes the header. */
export const requestHeaders = {
  'If-Match':
    'The version that the caller has seen, in quotes; several with commas, or * for any. 412 if it is another by now',
  'If-None-Match': 'Tags of answers that the caller has. 304 if one of them would be given again',
  'Idempotency-Key':
    'Chosen by the caller, up to 255 characters: within a day the same request with the same key is answered as before and not carried out again. ' +
    '422 if the key was used for another request, 409 while the first one is under way',
  'Last-Event-ID': 'Id of the last event that the reader has; those after it are sent first',
} as const;

export type HeaderName = keyof typeof requestHeaders;

/** The headers that an operation takes. */
export function headersOf({ method, path, answers }: Operation): readonly HeaderName[] {
  return [
    ...(Object.hasOwn(answers, 412) ? (['If-Match'] as const) : []),
    ...(Object.hasOwn(answers, 304) ? (['If-None-Match'] as const) : []),
    ...(method === 'post' ? (['Idempotency-Key'] as const) : []),
    ...(path === '/v2/events' ? (['Last-Event-ID'] as const) : []),
  ];
}

/** Query parameters, and what they take. */
export const queryParameters = {
  force: 'boolean',
  dryRun: 'boolean',
  partialUpdate: 'boolean',
  deleteMissing: 'boolean',
  scale: 'boolean',
  wipe: 'boolean',
  host: 'string',
  cmd: 'string',
  id: 'string',
  label: 'string',
  embed: 'list',
  status: 'list',
  'status[]': 'list',
  backup: 'string',
  restore: 'string',
  limit: 'string',
  cursor: 'string',
  fields: 'list',
  since: 'eventId',
  restart: 'boolean',
  deadline: 'number',
  maxLaunchAttempts: 'integer',
  onFailure: 'outcome',
  callbackUrl: 'url',
  containerNetworks: 'list',
  event_type: 'list',
  'plan-format': 'planFormat',
  ids: 'boolean',
  path: 'string',
  offset: 'string',
  length: 'string',
  tail: 'string',
  encoding: 'string',
} as const;

export type QueryName = keyof typeof queryParameters;

export const error = answer('Error');
export const result = answer('DeploymentResult');
/** The same with what there is to warn of, for `embed=warnings`. */
export const warned = answer('ChangeResult');
export const object = (members: Record<string, TSchema>) => Type.Object(members, { additionalProperties: false });
export const list = Type.Array;
export const text = Type.String();
export const request = (name: string) => Type.Unsafe({ $ref: `#/components/schemas/${name}` });

/** What any operation may answer. */
export const anyAnswers: Answers = { 400: error, 405: error, 503: error };
export const reads: Answers = { 304: null, 404: error, 422: error };
export const writes: Answers = { 403: error, 404: error, 409: error, 413: error, 415: error, 422: error };
/** Of one app or group: the caller may say which version it has seen. */
export const guardedWrites: Answers = { ...writes, 412: error };
/** What a write of a definition answers, or what it would do. */
export const changed = Type.Union([warned, answer('Plan')]);
/** A write of a group: Marathon's steps for a dry run, or with `embed=plan` the whole plan. */
export const groupChanged = Type.Union([warned, answer('Steps'), answer('Plan')]);
/** What bounds the deployment of a write (not Marathon's). */
export const limits = ['deadline', 'maxLaunchAttempts', 'onFailure'] as const;
/** What every write of definitions takes. */
export const writeQuery = ['force', 'dryRun', 'restart', ...limits, 'embed'] as const;
