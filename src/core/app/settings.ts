/** What the definition of an app depends on beyond its body: flags of the server (rest-api §11.2). */
export interface AppSettings {
  /** `--mesos_role`; the role of apps that name none. */
  readonly mesosRole: string;
  /** The role that the app's top-level group enforces (rest-api §7.14); set by whoever knows the groups. */
  readonly enforcedRole?: string;
  /** `--new_group_enforce_role top`: new top-level groups enforce their name as the role of what is in them. */
  readonly newGroupsEnforceRole?: boolean;
  /** `--max_apps`; absent = no limit. */
  readonly maxApps?: number;
  /** `--default_network_name`. */
  readonly defaultNetworkName: string | undefined;
  /** `--mesos_bridge_name`. */
  readonly mesosBridgeName: string;
  /** `--local_port_min`: first service port that may be assigned. */
  readonly localPortMin: number;
  /** `--local_port_max`: the range ends before it. */
  readonly localPortMax: number;
  /** `--enable_features`: `vips`, `task_killing`, `external_volumes`, `secrets`, `gpu_resources`, `reservation_refinement`. */
  readonly features: ReadonlySet<string>;
}

/** Marathon's defaults (behaviour §14). */
export const defaultAppSettings: AppSettings = {
  mesosRole: '*',
  defaultNetworkName: undefined,
  mesosBridgeName: 'mesos-bridge',
  localPortMin: 10_000,
  localPortMax: 20_000,
  features: new Set(),
};
