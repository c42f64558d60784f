//! Tables of the node as a whole.

use std::{path::PathBuf, time::Duration};

use super::RawCamera;
use crate::{
    config::{problem::At, table::raw_table},
    inference::provider::Provider,
};

raw_table! {
    /// edge-agent.toml: a node of Safe City Edge
    RawFile {
        /// Spool, evidence and caches live below this folder.
        state_dir: PathBuf [default("\"/var/lib/safecity/edge-agent\"")],
        /// Where this node stands.
        node: RawNode [required()],
        /// The broker of the command centre.
        mqtt: RawMqtt [required()],
        /// What models are computed on.
        inference: RawInference [on()],
        /// What may wait for the centre, on the disk of state_dir.
        spool: RawSpool [on()],
        /// Whose commands are heeded.
        commands: RawCommands,
        /// Clips of incidents, sealed to the centre's key.
        archive: RawArchive [on()],
        /// Evaluation cases out of incidents that operators have judged.
        replay: RawReplay [on()],
        /// Figures for Prometheus, to this machine only.
        http: RawHttp,
        /// The cameras; more may stand in files of cameras.d/.
        cameras: Vec<At<RawCamera>>,
    }
}

raw_table! {
    /// Where this node stands: levels of its MQTT topics
    RawNode {
        /// No white space and none of / + # $.
        region: String [required()],
        /// No white space and none of / + # $.
        site: String [required()],
        /// No white space and none of / + # $.
        name: String [required()],
    }
}

raw_table! {
    /// The broker of the command centre
    RawMqtt {
        /// Host name or address; anywhere but on this machine it takes ca_file as well.
        host: String [required()],
        /// TCP port.
        port: u64 [range(1.0, 65535.0).by("8883, 1883 without TLS; 443 and 80 through a WebSocket")],
        /// Version of MQTT.
        version: String [default("\"5\"").one_of(["5", "3.1.1"])],
        /// A WebSocket where nothing but web traffic passes.
        transport: String [default("\"tcp\"").one_of(["tcp", "websocket"])],
        /// Path of the WebSocket.
        path: String [by("/mqtt with a WebSocket")],
        /// Must be unique at the broker and stable.
        client_id: String [by("{region}-{site}-{name}")],
        /// Needs a password beside it.
        user: String,
        /// A file whose first line is the password, which others cannot read (chmod 600).
        password_file: PathBuf,
        /// An environment variable that holds the password.
        password_env: String,
        /// Authority that the broker's certificate is verified against, in PEM.
        ca_file: PathBuf,
        /// For brokers that want certificates of their clients.
        client_cert_file: PathBuf,
        /// The key of client_cert_file.
        client_key_file: PathBuf,
        /// No TLS to a broker elsewhere; the node's status shows it.
        insecure_plaintext: bool [default("false")],
        /// Keep-alive interval.
        keep_alive: Duration [default("\"30s\"").range(5.0, 3600.0)],
        /// What the link carries: evidence keeps to it.
        bytes_per_second: u64 [range(1000.0, 1e9).by("evidence feels its way")],
        /// What the link may carry in a day (UTC).
        mib_per_day: u64 [range(1.0, 1_073_741_824.0).by("no cap")],
        /// What the link may carry in a month (UTC).
        mib_per_month: u64 [range(1.0, 1_073_741_824.0).by("no cap")],
        /// First levels of topics for every incident in the manner of ONVIF's event broker.
        onvif_prefix: String [by("no mirror")],
        /// More about TLS.
        tls: RawMqttTls,
        /// Further brokers in order of preference.
        fallback: Vec<At<RawBroker>>,
        /// How often the preferred broker is probed while another one is used.
        probe_every: Duration [default("\"20s\"").range(1.0, 3600.0)],
    }
}

raw_table! {
    /// More about TLS
    RawMqttTls {
        /// Whose certificate the broker must show.
        server_name: String [by("host")],
        /// Protocols to offer, where one port serves several.
        alpn: Vec<At<String>>,
    }
}

raw_table! {
    /// A further broker
    RawBroker {
        /// Host name or address.
        host: String [required()],
        /// TCP port.
        port: u64 [range(1.0, 65535.0).by("as of the first broker")],
        /// Whose certificate it must show.
        server_name: String [by("host")],
    }
}

raw_table! {
    /// What models are computed on
    RawInference {
        /// The ONNX Runtime library; the environment variable ORT_DYLIB_PATH goes before it.
        runtime: PathBuf [by("where the system and deploy/setup.sh put it")],
        /// What models are computed on.
        provider: String [default("\"cpu\"").one_of(Provider::ALL.map(Provider::name))],
        /// Threads that infer.
        sessions: u64 [range(1.0, 64.0).by("one for each core")],
        /// When the box has too much to do or is too hot, less is analysed, step by step.
        ladder: bool [default("true")],
        /// Where models lie.
        models_dir: PathBuf [by("/usr/share/safecity/models; a program that was built in a checkout takes the checkout's")],
        /// Searched for weights that do not lie in their model's folder.
        weights_dirs: Vec<At<PathBuf>> [default("[]")],
    }
}

raw_table! {
    /// What may wait for the centre, in MiB on the disk of state_dir
    RawSpool {
        /// All of it.
        total_mib: u64 [default("512").range(32.0, 1_048_576.0)],
        /// Of these, kept for incidents; at most half where it is not given.
        reserved_mib: u64 [default("64").range(0.0, 1_048_576.0)],
        /// Status, health, receipts and manifests.
        status_mib: u64 [default("128").range(0.0, 1_048_576.0)],
        /// Thumbnails.
        thumbnail_mib: u64 [default("64").range(0.0, 1_048_576.0)],
        /// Snapshots.
        snapshot_mib: u64 [default("256").range(0.0, 1_048_576.0)],
        /// Clips that were asked for.
        clip_mib: u64 [default("256").range(0.0, 1_048_576.0)],
        /// Telemetry.
        telemetry_mib: u64 [default("16").range(0.0, 1_048_576.0)],
    }
}

raw_table! {
    /// Whose commands are heeded
    RawCommands {
        /// What `command-center key show FILE` prints; with two, one can be changed without a gap.
        keys: Vec<At<String>> [default("[]")],
    }
}

raw_table! {
    /// Clips of incidents
    RawArchive {
        /// The centre's key, to which clips are sealed; without one none are kept.
        recipient: String,
        /// A clip begins at the key picture before.
        pre_roll: Duration [default("\"5s\"").range(0.0, 60.0)],
        /// A clip ends so long after its incident.
        post_roll: Duration [default("\"5s\"").range(0.0, 60.0)],
        /// Longest clip; each camera holds so much in memory, where `reel` is shorter.
        max_clip: Duration [default("\"20s\"").range(0.0, 120.0)],
        /// When they are full, the least severe go first, and of them the oldest.
        max_mib: u64 [default("4096").range(1.0, 16_777_216.0)],
        /// No clip is kept for longer.
        keep_days: u64 [default("14").range(1.0, 3650.0)],
        /// So much of the disk is left to others.
        keep_free_mib: u64 [default("1024").range(0.0, 16_777_216.0)],
        /// Who may have originals, by the role that the centre says.
        original_roles: Vec<At<String>> [default("[]")],
    }
}

raw_table! {
    /// Evaluation cases out of judged incidents; their clips lie unsealed and unmasked
    RawReplay {
        /// Needs archive.recipient; the node's status says replay_unsealed.
        enabled: bool [default("false")],
        /// When one more comes, the oldest goes.
        max_cases: u64 [default("200").range(1.0, 10_000.0)],
        /// What they may take.
        max_mib: u64 [default("1024").range(1.0, 1_048_576.0)],
        /// None is kept for longer.
        keep_days: u64 [default("30").range(1.0, 3650.0)],
    }
}

raw_table! {
    /// Figures for Prometheus
    RawHttp {
        /// A loopback address and port, as "127.0.0.1:9464".
        listen: String [required()],
    }
}
