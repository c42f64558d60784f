// Every word that the console says. Another language is another object of this shape.

import type { CameraState, IncidentState, Severity, Snapshot } from "./wire";

const severity: Record<Severity, string> = {
  info: "Info",
  warning: "Warning",
  alarm: "Alarm",
  critical: "Critical",
};

const incidentState: Record<IncidentState, string> = {
  opened: "Ongoing",
  updated: "Ongoing",
  closed: "Ended",
};

const snapshot: Record<Snapshot, string> = {
  none: "No picture was taken",
  waiting: "The picture is on its way",
  thumbnail: "Small picture; the whole one is on its way",
  ready: "Picture",
  on_request: "The node keeps the picture until it is asked for",
  failed: "The node could not take a picture",
};

const cameraState: Record<CameraState, string> = {
  connecting: "Connecting",
  watching: "Watching",
  failed: "Failed",
  disabled: "Off by configuration",
};

const rule: Record<string, string> = {
  line_crossing: "Line crossed",
  intrusion: "Entered a closed area",
  loitering: "Loitering",
  wrong_way: "Wrong-way driving",
  stopped_vehicle: "Stopped vehicle",
  speeding: "Speeding",
  crowd: "Crowd",
  congestion: "Congestion",
  counting: "Count reached",
  abandoned: "Abandoned object",
  removed: "Object removed",
  fire: "Fire",
  smoke: "Smoke",
  fall: "Person fell",
  fight: "Fight",
};

const action: Record<string, string> = {
  acknowledged: "Acknowledged",
};

const nodeState = {
  online: "Online",
  offline: "Offline",
  stopping: "Stopping",
  silent: "Silent",
  unknown: "No status yet",
};

const plural = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;

const sentence = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);

export const t = {
  product: "Safe City Edge",
  place: "Command centre",
  severity,
  incidentState,
  snapshot,
  cameraState,
  nodeState,
  rule: (kind: string) => rule[kind] ?? sentence(kind.replaceAll("_", " ")),
  sentence,
  action: (name: string) => action[name] ?? name.replaceAll("_", " "),

  nav: { label: "Pages", incidents: "Incidents", nodes: "Nodes and cameras" },
  skip: "Skip to the content",
  signOut: "Sign out",
  signedInAs: (user: string) => `Signed in as ${user}`,

  connection: {
    connecting: "Connecting",
    live: "Live",
    lost: "Connection lost",
    banner: "No connection to the command centre. What you see may be out of date; trying again.",
    broker: "The command centre has no connection to the message broker. Nodes keep their incidents and send them later.",
  },

  signIn: {
    title: "Sign in",
    name: "Name",
    password: "Password",
    submit: "Sign in",
    working: "Signing in",
    forgotten: "Forgotten it? An administrator can set a new one on the server: command-center user reset NAME",
  },

  firstAdmin: {
    title: "Set up the first administrator",
    lead: "Nobody can sign in yet. The command centre has printed a one-time token to its log; it proves that you run this server.",
    token: "One-time token",
    tokenHint: "In the log: “first-admin token: …”. A restart makes a new one.",
    name: "Name",
    password: "Password",
    passwordHint: "At least 10 characters. Nobody else can read it back.",
    submit: "Create and sign in",
    working: "Creating",
  },

  list: {
    label: "Incidents, newest first",
    toDo: "To do",
    all: "All",
    filter: "Which incidents",
    more: "Load older",
    loading: "Loading",
    test: "Test",
    acknowledgedBy: (user: string) => `✓ ${user}`,
    delay: (text: string) => `after ${text}`,
    delayTitle: "From the moment the picture was taken to its arrival here",
    clocksDisagree: "clocks disagree",
    emptyToDoTitle: "Nothing to do",
    emptyToDo: "No incident waits for an answer. New ones appear here by themselves.",
    emptyAllTitle: "No incidents yet",
    emptyAll:
      "Incidents appear here as soon as a node reports one. Whether nodes are connected and cameras are watched stands under “Nodes and cameras”.",
    keys: "to move",
    keyAcknowledge: "to acknowledge",
    announce: (severity: string, what: string, where: string) => `New ${severity.toLowerCase()}: ${what}, ${where}`,
  },

  detail: {
    nothingTitle: "No incident selected",
    nothing: "Choose one from the list, or press J.",
    acknowledge: "Acknowledge",
    acknowledgeAgain: "Add a note",
    note: "Note",
    notePlaceholder: "Note for the record (optional)",
    acknowledgedBy: (user: string, when: string) => `Acknowledged by ${user} at ${when}`,
    open: "Open the picture at full size",
    pictureOf: (what: string, where: string) => `${what} at ${where}`,
    verified: "Unchanged since the node took it",
    verifiedTitle: "The SHA-256 of the received file equals the one in the incident's message",
    ended: (when: string, span: string) => `Ended ${when}, lasted ${span}`,
    endedByStatus: (when: string) => `Over by ${when}: the node no longer lists it`,
    since: (span: string) => `Ongoing for ${span}`,
    suppressed: (count: number) => `${plural(count, "incident", "incidents")} of this rule held back before this one`,
    times: "Times",
    captured: "Picture taken",
    basis: { rtcp_sr: "by the camera's clock", arrival: "by its arrival at the node; the camera sends no time" },
    arrival: "At the node",
    decided: "Rule decided",
    received: "Stored here",
    clock: "Node's clock",
    clockGood: (ms: number | null) => (ms === null ? "synchronised" : `synchronised, within ${ms} ms`),
    clockBad: "not synchronised: times may be wrong",
    corrected: (ms: number) => `Times were said before that and corrected by ${(ms / 1000).toFixed(1)} s`,
    objects: "Objects",
    noObjects: "The message names no objects.",
    track: (id: number) => `track ${id}`,
    speed: (mps: number) => `${(mps * 3.6).toFixed(0)} km/h`,
    about: "About",
    where: "Place",
    camera: "Camera",
    ruleName: "Rule",
    confidence: "Confidence",
    model: "Model",
    evidence: "Evidence",
    noEvidence: "The messages of this incident announce no evidence.",
    evidenceVerified: (when: string) => `complete, hash verified ${when}`,
    evidencePartial: (got: string, all: string) => `${got} of ${all} received`,
    evidenceState: {
      queued: "announced, not here yet",
      sent: "sent by the node, not here yet",
      on_request: "kept on the node",
      failed: "could not be made",
    },
    messages: "Messages",
    messageState: { opened: "Opened", updated: "Updated", closed: "Closed" } as Record<IncidentState, string>,
    history: "Record",
    noHistory: "Nobody has acted on this incident yet.",
    gone: "This incident cannot be loaded.",
  },

  commands: {
    heading: "Asked of this node",
    kind: {
      test_alarm: "Test alarm",
      snapshot: "Picture",
      fetch_clip: "Video",
      restart_camera: "Reconnect",
    } as Record<string, string>,
    about: {
      test_alarm: "Raise an incident marked as a test, all the way to this console",
      snapshot: "Fetch the latest picture",
      fetch_clip: "Fetch the last 10 seconds of video",
      restart_camera: "Connect to the camera anew",
    } as Record<string, string>,
    group: (camera: string) => `Ask of ${camera}`,
    of: (kind: string, camera: string) => `${kind}, ${camera}`,
    by: (user: string, age: string) => `${user}, ${age} ago`,
    waiting: (attempts: number) => (attempts === 0 ? "not sent yet" : `sent ${plural(attempts, "time", "times")}, no answer yet`),
    expired: "no answer came; the node will not carry it out any more",
    state: { done: "done", refused: "refused", failed: "failed" } as Record<string, string>,
    view: "open",
    arriving: (got: string, all: string) => `${got} of ${all} here`,
    refused: (count: number, why: string) => `${plural(count, "command", "commands")} refused, the latest because ${why}`,
  },

  nodes: {
    title: "Nodes and cameras",
    emptyTitle: "No node has reported yet",
    empty:
      "A node appears here with its first message. Check that the agent runs and that its broker settings name the same broker as this command centre.",
    summaryNodes: (online: number, all: number) => `${online} of ${plural(all, "node", "nodes")} online`,
    summaryCameras: (watching: number, all: number) => `${watching} of ${plural(all, "camera", "cameras")} watching`,
    summaryMissing: (count: number) => `${plural(count, "message", "messages")} missing`,
    noneMissing: "no message missing",
    summaryParked: (count: number) => `${plural(count, "message", "messages")} set aside`,
    noneParked: "none set aside",
    heard: (age: string) => `heard ${age} ago`,
    version: "Version",
    config: "Configuration",
    uptime: "Running for",
    clock: "Clock",
    clockGood: (ms: number | null) => (ms === null ? "synchronised" : `± ${ms} ms`),
    clockBad: "not synchronised",
    waiting: "Waiting to be sent",
    duplicates: "Repeats dropped",
    missing: "Missing",
    noGaps: "none",
    onTheWay: (count: number) => `${count} on the way`,
    givenUp: "Given up",
    givenUpFor: (count: number, what: string, reason: string, age: string) =>
      `${plural(count, what, `${what}s`)}: ${reason}, ${age} ago`,
    gap: (first: number, last: number, age: string) =>
      `${first === last ? `no. ${first}` : `nos. ${first}–${last}`}, noticed ${age} ago`,
    fault: (words: string) => `Fault on this node: ${words}`,
    insecure: (names: string) => `Protection switched off on this node: ${names}`,
    degraded: (step: number, what: string, age: string) =>
      `This node leaves work out, step ${step} of 4 (${what}), for ${age}`,
    degradedStep: [
      "nothing",
      "less important cameras are looked at less often",
      "all cameras are looked at less often",
      "small movements are not looked at",
      "less important cameras are paused",
    ],
    columns: {
      camera: "Camera",
      state: "State",
      decoded: "Decoded",
      analysed: "Analysed",
      dropped: "Skipped",
      connections: "Connections",
      coverage: "Watched",
    },
    spent: {
      analysed: "analysed",
      still: "nothing moved",
      reduced: "looked at less often",
      starved: "skipped, too much to do",
      paused: "paused, too much to do",
      connecting: "no picture",
      frozen: "frozen picture",
      failed: "failed",
    },
    spentLabel: (camera: string, parts: string) => `Where the time of ${camera} went: ${parts}`,
    perSecond: (rate: number) => `${rate.toFixed(1)} /s`,
    unknown: "Not known",
    lastSaid: (state: string, reason: string | null) =>
      `The node is away; it last said: ${state.toLowerCase()}${reason === null ? "" : `, ${reason}`}`,
    noCameras: "This node has not reported its cameras yet.",
    parkedTitle: "Messages set aside",
    parkedLead: "These could not be taken. They are kept with the reason, and nothing else was done with them.",
    parkedTopic: "Topic",
    parkedReason: "Reason",
    parkedWhen: "When",
    parkedSize: "Size",
  },

  error: {
    offline: "The command centre does not answer.",
    unknown: (status: number) => `The command centre refused (${status}).`,
  },

  span: {
    seconds: (n: number) => `${n} s`,
    minutes: (n: number) => `${n} min`,
    hours: (h: number, m: number) => (m === 0 ? `${h} h` : `${h} h ${m} min`),
    days: (d: number, h: number) => (h === 0 ? `${d} d` : `${d} d ${h} h`),
    now: "now",
  },
};
