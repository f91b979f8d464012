/** Which role of the framework is offered which agent: what REVIVE, SUPPRESS and declines have said. */
export class RoleFilters {
  readonly #roles = new Set<string>();
  readonly #until = new Map<string, number>();

  /** A subscription begins with the default role, and without filters. */
  reset(): void {
    this.#roles.clear();
    this.#roles.add('*');
    this.#until.clear();
  }

  revive(roles: readonly string[]): void {
    for (const role of roles) {
      this.#roles.add(role);
      for (const key of [...this.#until.keys()]) if (key.endsWith(` ${role}`)) this.#until.delete(key);
    }
  }

  suppress(roles: readonly string[]): void {
    for (const role of roles) this.#roles.delete(role);
  }

  decline(agentId: string, role: string, untilMs: number): void {
    this.#until.set(`${agentId} ${role}`, untilMs);
  }

  /** The role that is offered an agent next: the first one that wants offers and has not just declined it. */
  next(agentId: string, nowMs: number): string | undefined {
    for (const role of this.#roles) if ((this.#until.get(`${agentId} ${role}`) ?? 0) <= nowMs) return role;
    return undefined;
  }
}
