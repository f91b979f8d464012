/** Who is at the other end of a connection. */

/** Its address as Marathon shows it: a socket that listens on all addresses of IPv6 gives those of IPv4 a prefix. Empty if it is gone. */
export const peerOf = (address: string | undefined): string => (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
