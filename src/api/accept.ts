/** Content negotiation as far as Marathon's clients need it. */

const parts = (header: string): readonly { readonly type: string; readonly isRefused: boolean }[] =>
  header.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    return { type, isRefused: parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter)) };
  });

/** True if an `Accept` header takes this type; an absent one takes everything. */
export function accepts(header: string | undefined, type: string): boolean {
  if (header === undefined || header.trim() === '') return true;
  const family = `${type.slice(0, type.indexOf('/'))}/*`;
  return parts(header).some((part) => !part.isRefused && [type, family, '*/*'].includes(part.type));
}

/** True if an `Accept` header names this very type. */
export const names = (header: string | undefined, type: string): boolean =>
  header !== undefined && parts(header).some((part) => !part.isRefused && part.type === type);

/** True for a reader that wants the plain text of tasks: it names `text/plain` and would not take JSON (rest-api §5.3). */
export const wantsText = (header: string | undefined): boolean =>
  names(header, 'text/plain') && !accepts(header, 'application/json');

/** How an answer may be packed for a reader; undefined = not at all. */
export type Encoding = 'gzip' | 'br' | undefined;

/** What an `Accept-Encoding` header takes. Gzip where both will do: it costs less, and most readers take it, so that its bytes are shared. */
export function encodingFor(header: string | undefined): Encoding {
  if (header === undefined) return undefined;
  if (header === 'gzip') return 'gzip';
  const encodings = parts(header);
  const takes = (...types: readonly string[]): boolean | undefined => {
    const named = encodings.find((part) => types.includes(part.type));
    return named && !named.isRefused;
  };
  const anything = takes('*') ?? false;
  if (takes('gzip', 'x-gzip') ?? anything) return 'gzip';
  return (takes('br') ?? anything) ? 'br' : undefined;
}
