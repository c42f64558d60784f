// The command centre's interface. Errors are words for people.

import { t } from "./strings";
import type {
  AuditCheck,
  AuditPage,
  CommandView,
  ConfigView,
  Grant,
  IncidentDetail,
  IncidentPage,
  IncidentSummary,
  NodeView,
  Overview,
  ParkedMessage,
  PrecisionView,
  Refusal,
  SessionView,
  TotpSetup,
  Trial,
  UserView,
  Verdict,
} from "./wire";

/** What a node can be asked to do. */
export type Command =
  | { kind: "test_alarm" | "snapshot" | "restart_camera" | "list_ignored"; camera: string }
  | { kind: "unignore"; camera: string; area: string }
  | { kind: "fetch_clip"; camera: string; seconds: number }
  | { kind: "fetch_incident_clip"; camera: string; incident: string }
  | { kind: "preview"; camera: string; document: string }
  | { kind: "reload_config" };

/** What a node is known by. */
export type NodePath = Pick<NodeView, "region" | "site" | "node">;

const nodeUrl = ({ region, site, node }: NodePath) =>
  `/api/nodes/${[region, site, node].map(encodeURIComponent).join("/")}`;

/** What an operator says of an incident; an empty area is around its objects, for ever. */
export type Judgement = { verdict: Verdict; ignore?: { polygon?: [number, number][]; until?: string }; note?: string };

const userUrl = (name: string) => `/api/users/${encodeURIComponent(name)}`;

export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function ask<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      // the first header shows that the request comes from this page and from no other origin
      headers: { "X-Safecity-Console": "1", "Content-Type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, t.error.offline);
  }
  if (!response.ok) throw new Refused(response.status, await reason(response));
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

async function reason(response: Response): Promise<string> {
  try {
    return ((await response.json()) as Refusal).error;
  } catch {
    return t.error.unknown(response.status);
  }
}

export const api = {
  session: () => ask<SessionView>("GET", "/api/session"),
  firstAdmin: (token: string, name: string, password: string) =>
    ask<SessionView>("POST", "/api/first-admin", { token, name, password }),
  login: (name: string, password: string, code: string | null) =>
    ask<SessionView>("POST", "/api/login", { name, password, code }),
  logout: () => ask<void>("POST", "/api/logout", {}),
  incidents: (toDo: boolean, before: string | null) => {
    const place = before === null ? "" : `&before=${encodeURIComponent(before)}`;
    return ask<IncidentPage>("GET", `/api/incidents?to_do=${toDo}${place}`);
  },
  incident: (id: string) => ask<IncidentDetail>("GET", `/api/incidents/${id}`),
  acknowledge: (id: string, note: string) =>
    ask<IncidentDetail>("POST", `/api/incidents/${id}/acknowledge`, { note: note || null }),
  judge: (id: string, judgement: Judgement) =>
    ask<IncidentDetail>("POST", `/api/incidents/${id}/verdict`, judgement),
  precision: (days: number) => ask<PrecisionView[]>("GET", `/api/verdicts?days=${days}`),
  overview: () => ask<Overview>("GET", "/api/nodes"),
  command: (node: NodePath, command: Command) =>
    ask<{ request: string }>("POST", `${nodeUrl(node)}/commands`, command),
  config: (node: NodePath) => ask<ConfigView>("GET", `${nodeUrl(node)}/config`),
  push: (node: NodePath, document: string, trial: Partial<Trial>) =>
    ask<{ push: string; number: number }>("POST", `${nodeUrl(node)}/config`, { document, trial }),
  users: () => ask<UserView[]>("GET", "/api/users"),
  addUser: (name: string, password: string, grants: Grant[]) =>
    ask<void>("POST", "/api/users", { name, password, grants }),
  grant: (name: string, grants: Grant[]) => ask<void>("POST", `${userUrl(name)}/grants`, { grants }),
  setPassword: (name: string, password: string) => ask<void>("POST", `${userUrl(name)}/password`, { password }),
  disable: (name: string, disabled: boolean) => ask<void>("POST", `${userUrl(name)}/disabled`, { disabled }),
  removeCode: (name: string) => ask<void>("POST", `${userUrl(name)}/totp/off`),
  changePassword: (password: string, new_password: string) =>
    ask<SessionView>("POST", "/api/me/password", { password, new_password }),
  offerCode: (password: string) => ask<TotpSetup>("POST", "/api/me/totp", { password }),
  confirmCode: (code: string) => ask<void>("POST", "/api/me/totp/confirm", { code }),
  audit: (user: string, before: number | null) => {
    const asked = new URLSearchParams();
    if (user !== "") asked.set("user", user);
    if (before !== null) asked.set("before", String(before));
    return ask<AuditPage>("GET", `/api/audit?${asked}`);
  },
  checkAudit: () => ask<AuditCheck>("GET", "/api/audit/check"),
  broughtUrl: (command: CommandView, part: string): string => `/api/commands/${command.request}/evidence/${part}`,
  parked: () => ask<ParkedMessage[]>("GET", "/api/parked"),
  /** The best picture that is here, or null. */
  pictureUrl: (incident: IncidentSummary): string | null => {
    const part = { ready: "snapshot", thumbnail: "thumbnail" }[incident.snapshot as string];
    return part ? `/api/incidents/${incident.id}/evidence/${part}` : null;
  },
};
