// Who is logged in, and what their role may do. The session's cookie is out of this page's reach.

const ranks = { viewer: 1, operator: 2, admin: 3 };

let current = null;
let onLost = () => {};

/** `{name, role, tenant, csrfToken, expiresAt}`, or null. */
export function session() {
  return current;
}

export function setSession(value) {
  current = value;
}

/** What to do when the platform says that nobody is logged in. */
export function whenLost(action) {
  onLost = action;
}

export function lost() {
  const had = current !== null;
  current = null;
  if (had) onLost();
}

export function may(role) {
  return (ranks[current?.role] ?? 0) >= ranks[role];
}

/** Why the caller may not, or null. */
export function whyNot(role, what) {
  return may(role) ? null : `${what} needs the role ${role}; yours is ${current?.role ?? "none"}.`;
}
