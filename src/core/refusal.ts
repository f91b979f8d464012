/** What is wrong with one member of a body: `path` as in rest-api §9.0 (`/portDefinitions(0)/port`). */
export interface Violation {
  readonly path: string;
  readonly errors: readonly string[];
}

/**
 * An expected failure, as a value. Clients tell refusals apart by status and by the presence of `details` and `deployments`,
 * people read the message (rest-api §1.5).
 */
export interface Refusal {
  readonly code: RefusalCode;
  readonly status: number;
  readonly message: string;
  readonly details?: readonly Violation[] | string;
  readonly deployments?: readonly { readonly id: string }[];
  /** Extra response headers, such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Every kind of expected failure with its HTTP status. */
const refusalStatus = {
  invalidJson: 400,
  noBody: 400,
  badRequest: 400,
  unauthorized: 401,
  forbidden: 403,
  tooManyDeployments: 403,
  notFound: 404,
  methodNotAllowed: 405,
  notAcceptable: 406,
  alreadyExists: 409,
  locked: 409,
  preconditionFailed: 412,
  tooLarge: 413,
  unsupportedMediaType: 415,
  unreadable: 422,
  invalid: 422,
  illegalArgument: 422,
  upgradeRequired: 426,
  internal: 500,
  portsExhausted: 422,
  unavailable: 503,
  timeout: 503,
} as const;

export type RefusalCode = keyof typeof refusalStatus;

/** Builds a refusal; the status follows from the code. */
export function refusal(
  code: RefusalCode,
  message: string,
  more: Pick<Refusal, 'details' | 'deployments' | 'headers'> = {},
): Refusal {
  return { code, status: refusalStatus[code], message, ...more };
}

/** 422 for readable JSON of the wrong shape (rest-api §1.5, §9.1). */
export const unreadable = (details: readonly Violation[]): Refusal =>
  refusal('unreadable', 'Invalid JSON', { details });

/** 422 for a broken validation rule (rest-api §1.5, §9.2–9.6). */
export const invalid = (details: readonly Violation[]): Refusal =>
  refusal('invalid', 'Object is not valid', { details });

/** 404 for an app (rest-api §1.5). */
export const appNotFound = (id: string, version?: string): Refusal =>
  refusal('notFound', `App '${id}' does not exist${version === undefined ? '' : ` in version ${version}`}`);

/**
 * The same 404 as Marathon's resources give it when they look for themselves: with an empty list of details. What is missed while a
 * change is decided has none (rest-api §1.5).
 */
export const missed = (refusal: Refusal): Refusal => ({ ...refusal, details: [] });

/** 409 when running deployments hold what a change needs; their ids go into the body (rest-api §1.5). */
export const locked = (deploymentIds: readonly string[]): Refusal =>
  refusal(
    'locked',
    "App is locked by one or more deployments. Override with the option '?force=true'. " +
      "View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
    { deployments: deploymentIds.map((id) => ({ id })) },
  );
