/** POST /api/v1/scheduler: the checks of a call in Mesos' order, then the master (mesos-v1 §1.3). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Call } from '../master/calls.ts';
import type { Master } from '../master/master.ts';
import type { Framework } from '../master/model.ts';
import { readBody, sendAccepted, sendEmpty, sendText, sendWrongMethod } from './answers.ts';
import { principalOf } from './authentication.ts';
import { callSchema } from './call-schema.ts';
import { compile, convert } from './convert.ts';

const schema = compile(callSchema);
/** Calls whose body may be absent. */
const bodyless = new Set(['REVIVE', 'SUPPRESS', 'TEARDOWN']);
const uuidBytes = 16;

/** Runs the answering of a call, perhaps later: the simulation can make a master slow. */
export type Pace = (answer: () => void) => void;

export function schedulerEndpoint(master: Master, pace: Pace) {
  return (req: IncomingMessage, res: ServerResponse): void => {
    if (req.method !== 'POST') {
      sendWrongMethod(res, 'POST', req.method ?? '');
      return;
    }
    const type = req.headers['content-type'];
    readBody(req, res, (body) => {
      const parsed = parseCall(type, body, principalOf(req));
      if ('refusal' in parsed) sendText(res, parsed.status, parsed.refusal);
      else pace(() => answerCall(master, parsed.call, req, res));
    });
  };
}

type Parsed = { readonly call: Call } | { readonly status: number; readonly refusal: string };

function parseCall(contentType: string | undefined, body: Buffer, principal: string | undefined): Parsed {
  const refuse = (status: number, refusal: string): Parsed => ({ status, refusal });
  if (contentType === undefined) return refuse(400, `Expecting 'Content-Type' to be present`);
  if (contentType === 'application/x-protobuf') return refuse(400, 'Failed to parse body into Call protobuf');
  if (contentType !== 'application/json') {
    return refuse(415, `Expecting 'Content-Type' of application/json or application/x-protobuf`);
  }
  const text = body.toString();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return refuse(400, `Failed to parse body into JSON: ${syntaxFault(text, error)}`);
  }
  const half = loneSurrogateAt(text);
  if (half >= 0) return refuse(400, `Failed to parse body into JSON: ${faultAt(text, half)}`);
  const converted = convert(json, schema);
  if (!converted.ok) return refuse(400, `Failed to convert JSON into Call protobuf: ${converted.error}`);
  const call = converted.value as Call;
  const fault = callFault(call) ?? principalFault(call.subscribe?.framework_info, principal);
  return fault === undefined ? { call } : refuse(400, `Failed to validate scheduler::Call: ${fault}`);
}

/** Mesos names the line and what follows the place of the error on it. */
function syntaxFault(text: string, error: unknown): string {
  const at = error instanceof SyntaxError ? / at position (\d+)/.exec(error.message)?.[1] : undefined;
  return faultAt(text, at === undefined ? text.length : Number(at));
}

/** Where an escape stands for half of a surrogate pair only, which Mesos' parser does not take; -1 if nowhere. */
function loneSurrogateAt(text: string): number {
  if (!/\\u[dD][89a-fA-F]/.test(text)) return -1;
  const escapes = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)/gs;
  for (const match of text.matchAll(escapes)) if (match[1] !== undefined) return match.index;
  return -1;
}

function faultAt(text: string, position: number): string {
  const line = text.slice(0, position).split('\n').length;
  const near = text.slice(position).split('\n')[0] ?? '';
  return `syntax error at line ${line} near: ${near}`;
}

/** Whoever has shown credentials may not speak for another principal. */
function principalFault(
  info: { readonly principal?: string } | undefined,
  principal: string | undefined,
): string | undefined {
  const stated = info?.principal;
  if (principal === undefined || stated === undefined || stated === principal) return undefined;
  return `Authenticated principal '${principal}' does not match principal '${stated}' set in \`FrameworkInfo\``;
}

function callFault(call: Call): string | undefined {
  const { type } = call;
  if (type === undefined) return `Expecting 'type' to be present`;
  const bodyName = type.toLowerCase() as keyof Call;
  if (type === 'SUBSCRIBE') {
    if (call.subscribe === undefined) return `Expecting 'subscribe' to be present`;
    return call.framework_id?.value === call.subscribe.framework_info.id?.value
      ? undefined
      : `'framework_id' differs from 'subscribe.framework_info.id'`;
  }
  if (call.framework_id === undefined) return `Expecting 'framework_id' to be present`;
  if (!bodyless.has(type) && call[bodyName] === undefined) return `Expecting '${bodyName}' to be present`;
  if (type === 'ACKNOWLEDGE' && call.acknowledge !== undefined) {
    return isUuid(call.acknowledge.uuid) ? undefined : 'Not a valid UUID';
  }
  if (type === 'UPDATE_FRAMEWORK' && call.update_framework?.framework_info.id?.value !== call.framework_id.value) {
    return `'framework_id' differs from 'update_framework.framework_info.id'`;
  }
  return undefined;
}

const canonicalUuid = /^[A-Za-z0-9+/]{22}==$/;
const isUuid = (base64: string): boolean =>
  canonicalUuid.test(base64) || Buffer.from(base64, 'base64').length === uuidBytes;

function answerCall(master: Master, call: Call, req: IncomingMessage, res: ServerResponse): void {
  const streamId = req.headers['mesos-stream-id'];
  if (call.type === 'SUBSCRIBE' && call.subscribe !== undefined) {
    if (!acceptsJson(req.headers.accept)) {
      sendText(res, 406, `Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'`);
    } else if (streamId !== undefined) {
      sendText(res, 400, `Subscribe calls should not include the 'Mesos-Stream-Id' header`);
    } else {
      const principal = principalOf(req);
      const info = call.subscribe.framework_info;
      const filled = principal === undefined ? info : { ...info, principal };
      master.subscribe({ ...call.subscribe, framework_info: filled }, res);
    }
    return;
  }
  const framework = master.state.frameworks.get(call.framework_id?.value ?? '');
  const refusal = refuseSender(framework, streamId, principalOf(req));
  if (framework === undefined || refusal !== undefined) {
    sendText(res, refusal?.status ?? 400, refusal?.text);
    return;
  }
  if (call.type === 'UPDATE_FRAMEWORK' && call.update_framework !== undefined) {
    const fault = master.updateFramework(framework, call.update_framework);
    if (fault === undefined) sendEmpty(res, 200);
    else sendText(res, 400, fault);
    return;
  }
  master.handle(framework, call);
  sendAccepted(res);
}

/** Whether this is the framework's present stream: rows 16 to 21 of mesos-v1 §1.3. */
function refuseSender(
  framework: Framework | undefined,
  streamId: string | string[] | undefined,
  principal: string | undefined,
): { readonly status: number; readonly text: string } | undefined {
  if (framework === undefined || framework.recovered) return { status: 400, text: 'Framework cannot be found' };
  const fault = principalFault(framework.info, principal);
  if (fault !== undefined) return { status: 400, text: fault };
  if (framework.stream === undefined) return { status: 403, text: 'Framework is not subscribed' };
  if (streamId === undefined) {
    return { status: 400, text: `All non-subscribe calls should include the 'Mesos-Stream-Id' header` };
  }
  if (streamId === framework.stream.id) return undefined;
  const start = `The stream ID '${String(streamId)}' included in this request didn't match`;
  return { status: 400, text: `${start} the stream ID currently associated with framework ID ${framework.id}` };
}

/** Whether JSON is among the media types with a quality above 0; nothing named means anything goes. */
export function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  for (const part of accept.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    if (quality !== undefined && Number(quality.slice(2)) === 0) continue;
    if (type === '*/*' || type === 'application/*' || type === 'application/json') return true;
  }
  return false;
}
