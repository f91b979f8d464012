/** Bodies of writes: bytes → JSON value, or the refusal that Marathon gives (rest-api §1.2, §1.5). */
import type { FastifyRequest } from 'fastify';
import { type Refusal, refusal } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';

/** Deepest nesting of objects and arrays; no app comes near it, and everything behind it may recurse without fear. */
export const maxBodyDepth = 100;

const decoder = new TextDecoder('utf-8', { fatal: true });

const noBody = (details: string): Refusal => refusal('noBody', 'Please specify data in JSON format', { details });
const badJson = (details: string): Refusal => refusal('invalidJson', 'Invalid JSON', { details });

/** The body as a JSON value. An absent content type counts as JSON; another one is refused with 415. */
export function readJson(request: FastifyRequest): Result<unknown, Refusal> {
  const bytes = request.body;
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) return err(noBody('No content to map due to end-of-input'));
  const type = request.headers['content-type'];
  if (type !== undefined && !isJson(type)) return err(refusal('unsupportedMediaType', 'Unsupported Media Type'));
  if (depthOf(bytes) > maxBodyDepth) return err(badJson(`Nested more than ${maxBodyDepth} levels deep`));
  try {
    const text = decoder.decode(bytes);
    if (text.trim() === '') return err(noBody('No content to map due to end-of-input'));
    const value: unknown = JSON.parse(text);
    return surrogateEscape.test(text) && hasLoneSurrogate(value) ? err(badJson(loneSurrogate)) : ok(value);
  } catch (error) {
    return err(badJson(error instanceof SyntaxError ? error.message : 'The body is not valid UTF-8'));
  }
}

/** Half of a surrogate pair can come into a valid UTF-8 body as an escape only. */
const surrogateEscape = /\\u[dD][89a-fA-F]/;
const loneSurrogate = 'A text holds half of a surrogate pair, which no encoding can carry';

/** True if a key or a text has no UTF-8 form: Mesos would refuse every call that carries it (RFC 8259 §8.2). */
function hasLoneSurrogate(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed();
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => !key.isWellFormed() || hasLoneSurrogate(inner));
}

function isJson(contentType: string): boolean {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return type === '' || type === 'application/json' || type.endsWith('+json');
}

const quote = 0x22;
const backslash = 0x5c;

/** Deepest nesting, found without parsing: brackets inside strings do not count. */
function depthOf(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (inString) {
      if (byte === backslash) i += 1;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
  return deepest;
}
