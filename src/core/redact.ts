/** Leaving secrets out of what people and logs get to see. */

/** An address without what stands before its last `@`, which may be a user and a password; the scheme stays. */
export const withoutUserInfo = (address: string): string => address.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1');
