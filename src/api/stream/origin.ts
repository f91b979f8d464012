/**
 * From which pages a WebSocket may be opened (RFC 6455 §10.2). A browser opens one for any page and sends the user's credentials along,
 * without asking first as it would for a request across origins: the server has to look at `Origin` itself.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type Refusal, refusal } from '../../core/refusal.ts';

export interface OriginRules {
  /** `--access_control_allow_origin`. */
  readonly corsOrigins: readonly string[];
  /** `--webui_url`: the page's address, also where a proxy hides it. */
  readonly webuiUrl?: string;
}

const foreign = refusal(
  'forbidden',
  'Pages of this origin may not open a WebSocket: it is not the one that was asked, and not named by --access_control_allow_origin',
);

/**
 * Refuses an upgrade that a foreign page asks for.
 *
 * - No `Origin`: no browser, and nobody's credentials but the client's own.
 * - The origin that was asked itself, by `Host` or by what a proxy says of it. Pages can set neither of the two headers.
 * - One that is named. `*` counts only for requests without credentials, as for other answers: a wildcard never shows to a page what the
 *   server shows to its user (Fetch, "CORS check").
 * - `null` is what any page becomes in a sandboxed frame, and so is foreign unless it is named.
 */
export function foreignOrigin(
  headers: IncomingHttpHeaders,
  { corsOrigins, webuiUrl, isEncrypted }: OriginRules & { readonly isEncrypted: boolean },
): Refusal | undefined {
  const origin = originOf(headers);
  if (origin === undefined || corsOrigins.includes(origin)) return undefined;
  if (corsOrigins.includes('*') && !hasCredentials(headers)) return undefined;
  const page = urlOf(origin);
  if (page === undefined) return foreign;
  if (webuiUrl !== undefined && urlOf(webuiUrl)?.origin === page.origin) return undefined;
  // A page that came in plain text is another one than that which came over TLS. Whether a proxy ended TLS is not known here.
  if (isEncrypted && page.protocol !== 'https:') return foreign;
  const asked = [headers.host ?? '', ...String(headers['x-forwarded-host'] ?? '').split(',')];
  return asked.some((host) => isSame(page, host.trim())) ? undefined : foreign;
}

/** The header of version 13 of the protocol, or of its predecessor. */
const originOf = (headers: IncomingHttpHeaders): string | undefined =>
  headers.origin ?? headers['sec-websocket-origin']?.toString();

const hasCredentials = ({ authorization, cookie }: IncomingHttpHeaders): boolean =>
  authorization !== undefined || cookie !== undefined;

function urlOf(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined;
}

/** Compares name and port; a port that goes without saying may be said. */
function isSame(page: URL, host: string): boolean {
  return /^[^/?#@\\]+$/.test(host) && urlOf(`${page.protocol}//${host}`)?.host === page.host;
}
