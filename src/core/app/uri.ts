/** URIs of artefacts (rest-api §7.10). */

const archiveEnding = /\.(?:tar|tar\.gz|tar\.bz2|tar\.xz|gz|tgz|tbz2|txz|zip)$/;

/** True if the fetcher should unpack what the URI names: told by the ending of its path. */
export const isArchive = (uri: string): boolean => archiveEnding.test(uri.replace(/[?#].*$/s, ''));

const forbidden = /[\s<>"{}|\\^`]/;

/** True if the text has the syntax of a URI (RFC 3986), be it a path without a scheme; the resource need not exist. */
export function isUri(text: string): boolean {
  if (text === '' || forbidden.test(text) || /%(?![0-9A-Fa-f]{2})/.test(text)) return false;
  const beforePath = text.split(/[/?#]/, 1)[0] ?? '';
  const colon = beforePath.indexOf(':');
  return colon < 0 || (/^[A-Za-z][A-Za-z0-9+.-]*$/.test(beforePath.slice(0, colon)) && text.length > colon + 1);
}
