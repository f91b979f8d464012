/** Optional features of the server (`--enable_features`, rest-api §11.2). */

/** What a rule says about a feature that is not enabled; the odd bracket is Marathon's. */
export const featureMessage = (feature: string): string =>
  `Feature ${feature} is not enabled. Enable with --enable_features ${feature})`;
