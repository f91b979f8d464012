/** A call of an operator API or of an executor: read, converted and checked as `Http::api` of the master and of agents does, and `Http::executor`. */
import { convert, type Schema } from './convert.ts';

export interface ApiCall {
  readonly type: string;
  readonly [body: string]: unknown;
}

interface Api {
  /** As refusals name it. */
  readonly name: 'master::Call' | 'agent::Call' | 'executor::Call';
  readonly mediaTypes: string;
  readonly needsBody: (type: string) => boolean;
}

type Parsed = { readonly call: ApiCall } | { readonly status: number; readonly refusal: string };

/** The call, or the status and the text of the refusal. Of a type nobody knows it is said that it is missing. */
export function parseApiCall(
  contentType: string | undefined,
  body: Buffer,
  schema: Schema,
  { name, mediaTypes, needsBody }: Api,
): Parsed {
  if (contentType === undefined) return { status: 400, refusal: `Expecting 'Content-Type' to be present` };
  if (contentType !== 'application/json') return { status: 415, refusal: `Expecting 'Content-Type' of ${mediaTypes}` };
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch {
    return { status: 400, refusal: 'Failed to parse body into JSON: syntax error' };
  }
  const converted = convert(json, schema);
  if (!converted.ok) return { status: 400, refusal: `Failed to convert JSON into Call protobuf: ${converted.error}` };
  const call = converted.value as { readonly type?: string; readonly [body: string]: unknown };
  const invalid = (missing: string): Parsed => ({
    status: 400,
    refusal: `Failed to validate ${name}: Expecting '${missing}' to be present`,
  });
  const { type } = call;
  if (type === undefined) return invalid('type');
  const bodyName = type.toLowerCase();
  return needsBody(type) && call[bodyName] === undefined ? invalid(bodyName) : { call: call as ApiCall };
}
