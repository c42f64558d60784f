//! As typed: one struct a table of the configuration, one field a key. `config/edge-agent.example.toml` explains each.

use std::{path::PathBuf, time::Duration};

use super::{
    archive::RawArchive,
    privacy::RawPrivacy,
    problem::At,
    reader::{Field, FromToml, Node, raw_table},
    replay::RawReplay,
};

raw_table! {
    /// `edge-agent.toml`.
    RawFile {
        state_dir: PathBuf,
        node: RawNode,
        mqtt: RawMqtt,
        inference: RawInference,
        spool: RawSpool,
        commands: RawCommands,
        archive: RawArchive,
        replay: RawReplay,
        http: RawHttp,
        cameras: Vec<At<RawCamera>>,
    }
}

raw_table! {
    /// A file of `cameras.d/`.
    RawCameraFile {
        cameras: Vec<At<RawCamera>>,
    }
}

raw_table! {
    /// `[node]`
    RawNode {
        region: String,
        site: String,
        name: String,
    }
}

raw_table! {
    /// `[mqtt]`
    RawMqtt {
        host: String,
        port: u64,
        version: String,
        transport: String,
        path: String,
        client_id: String,
        user: String,
        password_file: PathBuf,
        password_env: String,
        ca_file: PathBuf,
        client_cert_file: PathBuf,
        client_key_file: PathBuf,
        insecure_plaintext: bool,
        keep_alive: Duration,
        bytes_per_second: u64,
        mib_per_day: u64,
        mib_per_month: u64,
        onvif_prefix: String,
        tls: RawMqttTls,
        fallback: Vec<At<RawBroker>>,
        probe_every: Duration,
    }
}

raw_table! {
    /// `[mqtt.tls]`
    RawMqttTls {
        server_name: String,
        alpn: Vec<At<String>>,
    }
}

raw_table! {
    /// `[[mqtt.fallback]]`
    RawBroker {
        host: String,
        port: u64,
        server_name: String,
    }
}

raw_table! {
    /// `[inference]`
    RawInference {
        runtime: PathBuf,
        provider: String,
        sessions: u64,
        ladder: bool,
        models_dir: PathBuf,
        weights_dirs: Vec<At<PathBuf>>,
    }
}

raw_table! {
    /// `[spool]`
    RawSpool {
        total_mib: u64,
        reserved_mib: u64,
        status_mib: u64,
        thumbnail_mib: u64,
        snapshot_mib: u64,
        clip_mib: u64,
        telemetry_mib: u64,
    }
}

raw_table! {
    /// `[commands]`
    RawCommands {
        keys: Vec<At<String>>,
    }
}

raw_table! {
    /// `[http]`
    RawHttp {
        listen: String,
    }
}

raw_table! {
    /// `[[cameras]]`
    RawCamera {
        id: String,
        name: String,
        latitude: f64,
        longitude: f64,
        enabled: bool,
        url: String,
        substream: String,
        user: String,
        password_file: PathBuf,
        password_env: String,
        transport: String,
        insecure_tls: bool,
        latency: Duration,
        stall_timeout: Duration,
        frozen_after: Duration,
        totals_every: Duration,
        refused_retry: Duration,
        reel: Duration,
        decoder: String,
        model: String,
        min_score: f64,
        tiles: [u64; 2],
        analysis_fps: f64,
        gate: String,
        motion_masks: Vec<At<String>>,
        analysis_fps_floor: f64,
        priority: u64,
        zones: Vec<At<RawZone>>,
        lines: Vec<At<RawLine>>,
        rules: Vec<At<RawRule>>,
        cascades: Vec<At<RawCascade>>,
        looks: Vec<At<RawLook>>,
        likeness: RawLikeness,
        calibration: RawCalibration,
        privacy: RawPrivacy,
        time_zone: String,
    }
}

raw_table! {
    /// `[[cameras.cascades]]`
    RawCascade {
        id: String,
        model: String,
        classes: Vec<At<String>>,
        min_height: f64,
        again: Duration,
        per_second: f64,
    }
}

raw_table! {
    /// `[[cameras.looks]]`
    RawLook {
        id: String,
        model: String,
        every: Duration,
    }
}

raw_table! {
    /// `[cameras.likeness]`
    RawLikeness {
        model: String,
        crops_per_frame: u64,
    }
}

raw_table! {
    /// `[[cameras.zones]]`
    RawZone {
        id: String,
        polygon: Vec<At<[f64; 2]>>,
    }
}

raw_table! {
    /// `[cameras.calibration]`
    RawCalibration {
        points: Vec<At<RawGroundPoint>>,
        rectangle: Vec<At<[f64; 2]>>,
        sides_m: [f64; 2],
    }
}

raw_table! {
    /// One of `points`.
    RawGroundPoint {
        image: [f64; 2],
        ground: [f64; 2],
    }
}

raw_table! {
    /// `[[cameras.lines]]`
    RawLine {
        id: String,
        from: [f64; 2],
        to: [f64; 2],
    }
}

raw_table! {
    /// `[[cameras.rules]]`
    RawRule {
        id: String,
        kind: String,
        line: String,
        zone: String,
        direction: String,
        classes: Vec<At<String>>,
        hysteresis: f64,
        min_seconds: f64,
        min_count: f64,
        max_speed: f64,
        direction_degrees: f64,
        tolerance_degrees: f64,
        min_distance: f64,
        limit_kmh: f64,
        min_speed_mps: f64,
        max_count: f64,
        within_seconds: f64,
        cool_down_seconds: f64,
        max_per_minute: f64,
        min_displacement: f64,
        min_score: f64,
        min_share: f64,
        end_share: f64,
        look: String,
        labels: Vec<At<String>>,
        ignore_zones: Vec<At<String>>,
        detect: Vec<At<String>>,
        when: String,
        first: String,
        then: String,
        object: String,
        silent: bool,
        schedule: Vec<At<String>>,
        severity: String,
        clip: bool,
    }
}
