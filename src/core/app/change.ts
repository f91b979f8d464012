/** What a caller may ask to be done to an app. One request may carry several; together they make one deployment. */
import type { AppId, InstanceId } from '../ids.ts';
import type { Timestamp } from '../time.ts';
import type { AppUpdate } from './update.ts';

export type AppChange =
  /** POST: refused with 409 if the id is taken. */
  | { readonly type: 'create'; readonly id: AppId; readonly update: AppUpdate }
  /** PUT: creates what is missing; `partial` keeps the members that the update does not name. */
  | { readonly type: 'put'; readonly id: AppId; readonly update: AppUpdate; readonly partial: boolean }
  /** PATCH: like a partial PUT, but never creates. */
  | { readonly type: 'patch'; readonly id: AppId; readonly update: AppUpdate }
  /** Back to a stored version, as a new version. */
  | { readonly type: 'rollback'; readonly id: AppId; readonly version: Timestamp }
  /** The same for an app that may be gone: a group goes back to what it was. */
  | { readonly type: 'restore'; readonly id: AppId; readonly version: Timestamp }
  /** Replaces every task under the upgrade strategy. */
  | { readonly type: 'restart'; readonly id: AppId }
  /** Sets the count; the sentenced instances die first. */
  | {
      readonly type: 'scale';
      readonly id: AppId;
      readonly instances: number;
      readonly sentenced: readonly InstanceId[];
    }
  | { readonly type: 'delete'; readonly id: AppId };
