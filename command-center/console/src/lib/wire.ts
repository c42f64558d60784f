// Generated from command-center/src/view.rs by tests/wire_types.rs; do not edit.
/** Who took an incident on. */
export interface Acknowledgement {
  /** When. */
  at: string;
  /** Name of the user. */
  by: string;
}

/** What a second model says of an object. */
export interface Attribute {
  /** Its label, for instance `white`. */
  label: string;
  /** The cascade's name in the camera's configuration, for instance `colour`. */
  name: Name;
  /** Share of all votes on the track, 0 to 1. */
  score: number;
}

/** Whether the audit is whole: every line holds the hash of itself and of the line before. */
export interface AuditCheck {
  /** The first line that is not as it was written, or before which one is missing. */
  broken_at: number | null;
  /** Hash of the last one, in hexadecimal: noted down elsewhere, it shows whether lines at the end have gone. */
  head: string;
  /** How many lines there are. */
  lines: number;
}

/** One line of the audit. */
export interface AuditEntry {
  /** What was done, for instance `acknowledged`. */
  action: string;
  /** When. */
  at: string;
  /** What the user wrote, if anything. */
  note: string | null;
  /** Name of the user. */
  user: string;
}

/** A line of the audit. */
export interface AuditLine {
  /** What was done, for instance `acknowledged`. */
  action: string;
  /** When. */
  at: string;
  /** Its number. */
  id: number;
  /** What the user wrote, or which part it was. */
  note: string | null;
  /** To what: an incident, a user, a request. */
  subject: string;
  /** Name of the user. */
  user: string;
}

/** Some of the audit, newest first. */
export interface AuditPage {
  /** The lines. */
  lines: AuditLine[];
  /** Where the next page begins, as `before`; nothing at the end. */
  next: number | null;
}

/** The camera that saw it. */
export interface CameraRef {
  /** Its name in topics. */
  id: Name;
  /** Degrees north (WGS 84). */
  latitude: number | null;
  /** Degrees east (WGS 84). */
  longitude: number | null;
  /** Its name for people. */
  name: string | null;
}

/** Is a camera seen. */
export type CameraState = "connecting" | "watching" | "failed" | "disabled";

/** One camera. */
export interface CameraView {
  /** Frames analysed a second, between the last two reports. */
  analysed_fps: number | null;
  /** Connections made since the agent started. */
  connections: number;
  /** Where its time went, from nodes that say so. */
  coverage: Coverage | null;
  /** Frames decoded a second, between the last two reports. */
  decoded_fps: number | null;
  /** Seconds in which it should have been watched. */
  expected_s: number;
  /** Frames analysed since the agent started. */
  frames_analysed: number;
  /** Frames decoded since the agent started. */
  frames_decoded: number;
  /** Frames that gave way to a later one since the agent started. */
  frames_dropped: number;
  /** Its name in topics. */
  id: string;
  /** Its name for people. */
  name: string | null;
  /** Why not, if it is not. */
  reason: string | null;
  /** Is it seen. */
  state: CameraState;
  /** Seconds in which it was watched. */
  watched_s: number;
}

/** Where a capture time comes from. */
export type CaptureBasis = "rtcp_sr" | "arrival";

/** The centre's own state. */
export interface CentreView {
  /** Its connection to the broker stands. */
  broker_connected: boolean;
  /** It has a key, so that nodes can be asked to do something. */
  can_command: boolean;
  /** Its clock now. */
  now: string;
  /** Messages set aside since the centre was installed. */
  parked: number;
  /** A node that says nothing for this many seconds is silent. */
  silent_after_s: number;
}

/** A node's chain of signed manifests, as far as it is here. */
export interface ChainView {
  /** When its first manifest came. */
  begun: string;
  /** Places where one does not follow the one before it: somebody changed something. */
  breaks: number;
  /** Public key that signs it; whoever checks evidence has to know it from elsewhere, too. */
  key: string;
  /** Manifests that are here. */
  manifests: number;
  /** Manifests between them that are not. */
  missing: number;
}

/** How far the node's clock can be trusted. */
export interface ClockQuality {
  /** Estimated error in milliseconds, where the operating system gives one. */
  estimated_error_ms: number | null;
  /** The operating system says that it is synchronised. */
  synchronised: boolean;
}

/** A picture or video that a command brings. */
export interface CommandEvidence {
  /** Its length. */
  bytes: number | null;
  /** It is here, and its hash is right. */
  complete: boolean;
  /** Which part, for instance `snapshot`. */
  part: string;
  /** What of it is here. */
  received_bytes: number;
}

/** What became of a command. */
export type CommandState = "waiting" | "done" | "refused" | "failed";

/** What a node was asked to do. */
export interface CommandView {
  /** When the answer came. */
  answered: string | null;
  /** When. */
  asked: string;
  /** Who asked. */
  asked_by: string;
  /** How often it was sent. */
  attempts: number;
  /** The camera that it is about. */
  camera: string;
  /** What was sent for it. */
  evidence: CommandEvidence[];
  /** From when on the node does not carry it out. */
  expires: string;
  /** Areas that are ignored, where it was about them. */
  ignored: IgnoredArea[];
  /** The incident that was raised. */
  incident: string | null;
  /** What, for instance `snapshot`. */
  kind: string;
  /** What a camera would have raised. */
  preview: Preview | null;
  /** Why it was not done, in the node's words. */
  reason: string | null;
  /** Its identity. */
  request: string;
  /** What became of it; past `expires`, `waiting` means that no answer came. */
  state: CommandState;
}

/** What a node's cameras are told besides the node's own files. */
export interface ConfigView {
  /** The push that is part of what the node goes by for good, if it came from this centre. */
  good: PushView | null;
  /** When it said so. */
  heard: string | null;
  /** What was pushed last. */
  pushed: PushView | null;
  /** What the node says that it goes by, and how far it has come. */
  reported: ReportedConfig | null;
}

/** Where a camera's time since the agent started went, in milliseconds. Each has gone to one of the reasons: their sum is the wall time. A second in which 3 of 5 frames were analysed and 2 gave way counts as 600 ms and 400 ms. */
export interface Coverage {
  /** Analysed at the rate that was asked for. */
  analysed_ms: number;
  /** A connection was being made, or no frame came. */
  connecting_ms: number;
  /** The configuration keeps it off. */
  disabled_ms: number;
  /** The camera or its model failed. */
  failed_ms: number;
  /** The very same picture came again and again. */
  frozen_ms: number;
  /** Not analysed because the node had paused the camera. */
  paused_ms: number;
  /** Not analysed because the node had lowered the rate. */
  reduced_ms: number;
  /** Not analysed because the node had too much to do: frames gave way to later ones. */
  starved_ms: number;
  /** Not analysed because nothing moved. */
  still_ms: number;
}

/** What a node leaves out for now. */
export interface Degradation {
  /** Why, and what is left out, in words for people. */
  reason: string;
  /** Since when it is so. */
  since: string;
  /** How far it has gone: 1 less important cameras are analysed at a lower rate, 2 all are, 3 gates let less through as well, 4 less important cameras are paused as well. */
  step: number;
}

/** How an incident ended. */
export interface Ending {
  /** When. */
  at: string;
  /** How that is known. */
  basis: EndingBasis;
}

/** How an incident's end is known. */
export type EndingBasis = "message" | "node_status";

/** Where a part of the evidence is. */
export type EvidenceState = "queued" | "sent" | "on_request" | "failed";

/** One part of the evidence. */
export interface EvidenceView {
  /** What the node said of it. */
  announced: EvidenceState;
  /** Length in bytes. */
  bytes: number | null;
  /** Why there is none, if the node could not make it. */
  error: string | null;
  /** Which part. */
  part: string;
  /** Bytes that are here. */
  received_bytes: number;
  /** SHA-256 that the incident's message names. */
  sha256: string | null;
  /** When it was complete here and its SHA-256 was found to be the one that was announced. */
  verified: string | null;
}

/** Messages that never came. */
export interface Gap {
  /** Boot of the node. */
  bootid: string;
  /** First number that is missing. */
  first: number;
  /** Last number that is missing. */
  last: number;
  /** When the gap was noticed. */
  since: string;
}

/** Messages that a node will never send: its disk was full, or the broker does not take them. */
export interface GivenUp {
  /** What they were, for instance `clip`. */
  class: string;
  /** When the latest of them was heard of. */
  latest: string;
  /** How many. */
  messages: number;
  /** Why, in the node's words. */
  reason: string;
}

/** A role, everywhere or in a region or at a site. */
export interface Grant {
  /** In this region only. */
  region: Name | null;
  /** Which role. */
  role: Role;
  /** At this site of the region only. */
  site: Name | null;
}

/** An area that is ignored. */
export interface IgnoredArea {
  /** Its identity: the request that asked for it. */
  area: string;
  /** The camera. */
  camera: Name;
  /** The incident that was judged. */
  incident: string;
  /** Corners in order around it, each x and y, normalised to 0..1, origin at the top left. */
  polygon: [number, number][];
  /** The rule whose incidents are held back there. */
  rule: Name;
  /** When it was asked for. */
  since: string;
  /** Until when, where it ends by itself. */
  until?: string | null;
}

/** All that is known of one incident. */
export interface IncidentDetail {
  /** The evidence, part by part. */
  evidence: EvidenceView[];
  /** What users did about it, oldest first. */
  history: AuditEntry[];
  /** Its line in the list. */
  incident: IncidentSummary;
  /** Signed manifests of it that are here: with any, a bundle can be had. */
  manifests: number;
  /** Its messages in the order of their life. */
  messages: MessageView[];
  /** The model that saw it. */
  model: ModelRef;
  /** The objects that take part. */
  objects: ObjectRef[];
  /** Time stamps of the message that began it. */
  time: IncidentTime;
}

/** A page of incidents, newest first. */
export interface IncidentPage {
  /** The incidents. */
  incidents: IncidentSummary[];
  /** Give this as `before` for the next page; absent at the end. */
  next: string | null;
}

/** The life of an incident. */
export type IncidentState = "opened" | "updated" | "closed";

/** One line of the list of incidents. */
export interface IncidentSummary {
  /** Who acknowledged it, if anybody has. */
  acknowledged: Acknowledgement | null;
  /** The camera that saw it. */
  camera: CameraRef;
  /** What `captured` rests on. */
  capture_basis: CaptureBasis;
  /** When the picture that began it was taken. */
  captured: string;
  /** Classes of the objects that take part, each once. */
  classes: string[];
  /** The highest confidence that was said of it, 0 to 1. */
  confidence: number;
  /** From `captured` to `received`, in milliseconds; below zero if the clocks disagree. */
  delay_ms: number;
  /** When it ended, if it has. */
  ended: Ending | null;
  /** Its id. */
  id: string;
  /** The node. */
  node: string;
  /** Its place in the list: what comes after it is asked for with `before`. */
  place: string;
  /** When its first message was committed here. */
  received: string;
  /** Region of the node. */
  region: string;
  /** The rule that decided. */
  rule: RuleRef;
  /** The highest severity that was said of it. */
  severity: Severity;
  /** Site of the node. */
  site: string;
  /** Its picture. */
  snapshot: Snapshot;
  /** Where it is in its life, whatever order its messages came in. */
  state: IncidentState;
  /** How many incidents of this rule were suppressed before it. */
  suppressed_before: number;
  /** A test alarm. */
  test: boolean;
  /** What was last said of it, if anything. */
  verdict: VerdictView | null;
}

/** Time stamps of an incident message. */
export interface IncidentTime {
  /** When the picture reached the node. */
  arrival: string;
  /** When the picture was taken, as far as `capture_basis` tells. */
  capture: string;
  /** Where `capture` comes from. */
  capture_basis: CaptureBasis;
  /** How far the node's clock can be trusted. */
  clock: ClockQuality;
  /** In an `updated` that corrects times which were said before the clock was synchronised: milliseconds that were added to them. */
  corrected_by_ms?: number | null;
  /** When the rule decided. */
  decided: string;
}

/** The user who is signed in. */
export interface MeView {
  /** Roles, and where. */
  grants: Grant[];
  /** The user's name. */
  name: string;
  /** All that may be done somewhere. */
  rights: Right[];
  /** Signing in needs a one-time code, too. */
  totp: boolean;
}

/** One message of an incident. */
export interface MessageView {
  /** Boot of the node. */
  bootid: string;
  /** When the node decided. */
  decided: string;
  /** Its id. */
  id: string;
  /** When it was committed here. */
  received: string;
  /** Its place in that boot. */
  seq: number;
  /** Severity it told. */
  severity: Severity;
  /** Which change it told. */
  state: IncidentState;
}

/** The model that saw it. */
export interface ModelRef {
  /** Its name in `models/`. */
  name: string;
  /** SHA-256 of its file in hexadecimal. */
  sha256: string;
}

/** The name of a region, site, node, camera or rule: 1 to 64 bytes, no white space or control characters and none of `/ + # $`, which mean something in an MQTT topic. */
export type Name = string;

/** Is a node there. */
export type NodeState = "online" | "offline" | "stopping";

/** One node. */
export interface NodeView {
  /** Its cameras. */
  cameras: CameraView[];
  /** Its chains of signed manifests, the newest first; none where it does not sign. */
  chains: ChainView[];
  /** Its clock's quality. */
  clock: ClockQuality | null;
  /** What it was asked to do, newest first, the latest few. */
  commands: CommandView[];
  /** Commands that it did not heed since its agent started. */
  commands_refused: number;
  /** Hash of the configuration it runs on. */
  config_revision: string | null;
  /** What it leaves out for now because it has too much to do or is too hot. */
  degradation: Degradation | null;
  /** Messages of it that came more than once, and changed nothing. */
  duplicates: number;
  /** What is wrong with it, in its own words. */
  faults: string[];
  /** Numbers of its messages that never came. */
  gaps: Gap[];
  /** What it gave up and said so, most first. */
  given_up: GivenUp[];
  /** When anything was last heard of it. */
  heard: string;
  /** Its number here. */
  id: number;
  /** Safety that was switched off on it. */
  insecure: string[];
  /** Why the latest of them was not heeded, in its own words. */
  last_refusal: string | null;
  /** Its name. */
  node: string;
  /** Its region. */
  region: string;
  /** Its site. */
  site: string;
  /** Messages that wait in it for the broker. */
  spool_pending: number | null;
  /** What it last said of itself; absent before its first status. */
  state: NodeState | null;
  /** Seconds since its agent started. */
  uptime_s: number | null;
  /** What became of operators' verdicts on it; absent where it takes none. */
  verdicts: VerdictHealth | null;
  /** Version of its agent. */
  version: string | null;
}

/** An object that takes part. */
export interface ObjectRef {
  /** What second models say of it. */
  attributes?: Attribute[];
  /** x, y, width, height; normalised to 0..1, origin at the top left. */
  box: [number, number, number, number];
  /** Class label, for instance `person`. */
  class: string;
  /** Detection score, 0 to 1. */
  score: number;
  /** The speed lies within so many metres per second of that in 95 of 100 cases. */
  speed_error_mps?: number | null;
  /** Metres per second, where the camera's ground is calibrated. */
  speed_mps: number | null;
  /** Track number on this camera in this boot. */
  track_id: number;
}

/** The state of the whole. */
export interface Overview {
  /** The centre's own state. */
  centre: CentreView;
  /** All nodes that were ever heard of. */
  nodes: NodeView[];
}

/** A message that was set aside. */
export interface ParkedMessage {
  /** Its length in bytes. */
  bytes: number;
  /** Its beginning, as far as it is text. */
  excerpt: string;
  /** Why it could not be taken. */
  reason: string;
  /** When it came. */
  received: string;
  /** Its topic. */
  topic: string;
}

/** How often a rule of a camera was right, as far as somebody has said so. */
export interface PrecisionView {
  /** The camera's name in topics. */
  camera: string;
  /** Its name for people. */
  camera_name: string | null;
  /** False alarms. */
  judged_false: number;
  /** Incidents that were what the rule says. */
  judged_true: number;
  /** Its kind. */
  kind: string;
  /** The node. */
  node: string;
  /** Share of the true ones among the judged, 0 to 1; absent before the first verdict. */
  precision: number | null;
  /** Region of the node. */
  region: string;
  /** The rule. */
  rule: string;
  /** Site of the node. */
  site: string;
  /** Those of which nobody has said anything. */
  unjudged: number;
}

/** What a camera would have raised, had something else been pushed. */
export interface Preview {
  /** Alarms that would have been raised, the first ones first; not more than a receipt may hold. */
  alarms: PreviewAlarm[];
  /** How many there are in all. */
  count: number;
  /** What the node remembers of the camera begins here, */
  from: string;
  /** Rules that look at the picture itself: no picture is remembered, and nothing can be said of them. */
  left_out?: string[];
  /** How many would have been raised in the same time by what is in force. */
  now: number;
  /** and ends here. */
  until: string;
}

/** An alarm that would have been raised. */
export interface PreviewAlarm {
  /** Who takes part. */
  objects: ObjectRef[];
  /** By which rule. */
  rule: RuleRef;
  /** When. */
  time: string;
}

/** A push, as far as the node has come with it. */
export interface PushReport {
  /** Its number. */
  number: number;
  /** What is wrong in the document, a line each, with its line and column. */
  problems?: string[];
  /** Which push. */
  push: string;
  /** How far it has come. */
  stage: PushStage;
  /** All steps so far, the first one first. */
  steps: PushStep[];
}

/** How far a push has come. */
export type PushStage = "received" | "checked" | "shadow" | "canary" | "everywhere" | "confirmed" | "rejected" | "rolled_back";

/** One step of a push. */
export interface PushStep {
  /** What was found, in words for people. */
  note?: string | null;
  /** What it came to. */
  stage: PushStage;
  /** When. */
  time: string;
}

/** A document that was pushed to a node. */
export interface PushView {
  /** TOML as a file of cameras.d/. */
  document: string;
  /** Its number at the node. */
  number: number;
  /** Its identity. */
  push: string;
  /** When. */
  pushed: string;
  /** By whom. */
  pushed_by: string;
  /** The node has it. */
  taken: boolean;
  /** How it is tried. */
  trial: Trial;
}

/** Why a request was refused, in words for people. */
export interface Refusal {
  /** What is wrong and what to do. */
  error: string;
}

/** What a node goes by. Retained. */
export interface ReportedConfig {
  /** The boot that says so. */
  bootid: string;
  /** What each camera goes by: its zones, lines, rules and calibration as they were typed and pushed, over its preset. */
  cameras?: Record<string, unknown>;
  /** Number of the push that is part of it for good. */
  confirmed?: number | null;
  /** The push that came last. */
  push?: PushReport | null;
  /** Why the latest document was not even taken: its signature, its addressee. */
  refused?: string | null;
  /** `sha256:` and the hash of what is in force. */
  revision: string;
  /** When it was said. */
  time: string;
}

/** What is allowed or not. */
export type Right = "see" | "answer" | "ask" | "originals" | "configure" | "report" | "audit" | "administer";

/** What somebody works as. */
export type Role = "operator" | "supervisor" | "integrator" | "administrator" | "auditor";

/** The rule that decided. */
export interface RuleRef {
  /** Its name in the camera's configuration. */
  id: Name;
  /** Its kind, for instance `line_crossing`. */
  kind: Name;
  /** `sha256:` and the hash of its configuration. */
  revision: string;
}

/** Who is there. */
export interface SessionView {
  /** Nobody can sign in yet: the first administrator is to be named with the one-time token. */
  first_admin_needed: boolean;
  /** Who is signed in. */
  user: MeView | null;
}

/** How much an incident matters, least first. */
export type Severity = "info" | "warning" | "alarm" | "critical";

/** The state of an incident's picture. */
export type Snapshot = "none" | "waiting" | "thumbnail" | "ready" | "on_request" | "failed";

/** What an authenticator is to be told; it counts once a code of it was given back. */
export interface TotpSetup {
  /** The same as an address. */
  address: string;
  /** The address as a QR code, in SVG. */
  picture: string;
  /** The secret, in base32, to be typed. */
  secret: string;
}

/** How a push is tried before it stays. */
export interface Trial {
  /** The camera that takes it over first; without one, the first that it changes. */
  canary: Name | null;
  /** That camera is watched for so long, */
  canary_seconds: number;
  /** Alarms in a stage may be so many times those that were raised without it in the same time, */
  max_alarm_factor: number;
  /** A camera that was live may be without pictures for so long. */
  max_lost_seconds: number;
  /** and so many more. */
  max_more_alarms: number;
  /** It decides beside what is in force for so long, and tells nothing. */
  shadow_seconds: number;
  /** and then all of them for so long. */
  watch_seconds: number;
}

/** A user, for whoever decides who may do what. */
export interface UserView {
  /** Since when there is such a user. */
  created: string;
  /** May not sign in. */
  disabled: boolean;
  /** Roles, and where. */
  grants: Grant[];
  /** The user's name. */
  name: string;
  /** Sessions that have not ended. */
  sessions: number;
  /** Signing in needs a one-time code, too. */
  totp: boolean;
}

/** Whether an incident was one. */
export type Verdict = "true" | "false";

/** What became of operators' verdicts on a node. */
export interface VerdictHealth {
  /** Areas that were dropped since the agent started, because their rule is no longer there. */
  areas_dropped: number;
  /** What they take, in bytes. */
  case_bytes: number;
  /** Cases in the node's replay set. */
  cases: number;
  /** Cases that were deleted for want of room or for their age since the agent started. */
  cases_given_up: number;
  /** Areas that are ignored for a rule because somebody said so. */
  ignored_areas: number;
  /** Why the latest of them was, in words for people. */
  last_dropped: string | null;
  /** Incidents in ignored areas, those of the configuration too, that were held back since the agent started. */
  suppressed: number;
}

/** What somebody said of an incident. */
export interface VerdictView {
  /** When. */
  at: string;
  /** Name of the user. */
  by: string;
  /** Until when the node is told, while it does not answer. */
  expires: string | null;
  /** Its area is to be ignored for its rule. */
  ignored: boolean;
  /** What was not done of it, in the node's words. */
  reason: string | null;
  /** What became of it on the node; absent where the centre has no key to tell it. */
  told: CommandState | null;
  /** What it was. */
  verdict: Verdict;
}

