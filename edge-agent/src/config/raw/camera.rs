//! Tables of a camera.

use std::{path::PathBuf, time::Duration};

use super::RawRule;
use crate::{
    camera::{Decoding, gate::GateKind},
    config::{problem::At, table::raw_table},
};

raw_table! {
    /// A file of cameras.d/: cameras of a node of Safe City Edge
    RawCameraFile {
        /// The cameras.
        cameras: Vec<At<RawCamera>>,
    }
}

raw_table! {
    /// A preset: what cameras of one kind have in common
    RawPreset {
        /// One line for people.
        about: String [required()],
        /// What a camera has that names it, where the camera says nothing else.
        camera: RawCamera [required()],
    }
}

raw_table! {
    /// A camera
    RawCamera {
        /// A level of its topics: no white space and none of / + # $.
        id: String [required()],
        /// What it has where nothing else is said here: `edge-agent config presets` lists them. Its rules watch as soon as the
        /// zones and lines that they name are drawn.
        preset: String,
        /// For people.
        name: String,
        /// Degrees north (WGS 84).
        latitude: f64 [range(-90.0, 90.0)],
        /// Degrees east (WGS 84).
        longitude: f64 [range(-180.0, 180.0)],
        /// False keeps it in the configuration without watching it.
        enabled: bool [default("true")],
        /// rtsp:// or rtsps://, without user and password.
        url: String [required()],
        /// A smaller stream of the same view: it is analysed, and url is kept for evidence without being decoded.
        substream: String,
        /// Needs a password beside it.
        user: String,
        /// A file whose first line is the password, which others cannot read (chmod 600).
        password_file: PathBuf,
        /// An environment variable that holds the password.
        password_env: String,
        /// RTP over RTSP's own connection, or beside it.
        transport: String [default("\"tcp\"").one_of(["tcp", "udp"])],
        /// The certificate of rtsps:// is not verified; the node's status shows it.
        insecure_tls: bool [default("false")],
        /// Jitter buffer.
        latency: Duration [default("\"200ms\"").range(0.0, 10.0)],
        /// Without a decoded picture for so long the stream is built anew.
        stall_timeout: Duration [default("\"10s\"").range(2.0, 600.0)],
        /// The very same picture for so long is a frozen one.
        frozen_after: Duration [default("\"60s\"").range(5.0, 3600.0)],
        /// What rules count is told so often, at whole multiples of it by the clock.
        totals_every: Duration [default("\"5m\"").range(5.0, 86_400.0)],
        /// Wait after a refused login: cameras lock accounts.
        refused_retry: Duration [default("\"5m\"").range(5.0, 3600.0)],
        /// Encoded video kept in memory for evidence; 0s: no clips.
        reel: Duration [default("\"10s\"").range(0.0, 120.0)],
        /// Hardware where GStreamer offers a decoder that opens, or software.
        decoder: String [default("\"auto\"").one_of(Decoding::NAMES.map(|(name, _)| name))],
        /// A folder in models_dir.
        model: String [default("\"street-nano\"")],
        /// Detections below are not looked at; tracking makes use of weak ones.
        min_score: f64 [default("0.1").range(0.01, 0.99)],
        /// Columns and rows of tiles analysed besides the whole picture, 1 to 8 each.
        tiles: [u64; 2] [default("[1, 1]")],
        /// Pictures analysed a second, at most.
        analysis_fps: f64 [default("5.0").range(0.1, 60.0)],
        /// What is left out while nothing moves: see docs/density.md.
        gate: String [default("\"off\"").one_of(GateKind::NAMES.map(|(name, _)| name))],
        /// Zones in which movement counts for nothing, as a flag's.
        motion_masks: Vec<At<String>> [default("[]")],
        /// The ladder leaves it so many pictures a second, or pauses it.
        analysis_fps_floor: f64 [range(0.1, 60.0).by("1, or analysis_fps where that is less")],
        /// Its share of the computing time under overload, and how late the ladder comes to it.
        priority: u64 [default("5").range(1.0, 10.0)],
        /// Areas of the picture that rules name.
        zones: Vec<At<RawZone>>,
        /// Lines across the picture that rules name.
        lines: Vec<At<RawLine>>,
        /// What it watches for.
        rules: Vec<At<RawRule>>,
        /// Second models that look at what the first has found.
        cascades: Vec<At<RawCascade>>,
        /// Second models that look at whole pictures.
        looks: Vec<At<RawLook>>,
        /// A second model that tells people apart by their looks, for the tracker.
        likeness: RawLikeness,
        /// Where the ground lies, for speeds.
        calibration: RawCalibration,
        /// What nobody may see in what leaves the node.
        privacy: RawPrivacy [on()],
        /// In which the schedules of its rules are read, as "Asia/Tashkent".
        time_zone: String,
    }
}

raw_table! {
    /// A second model that looks at what the first has found
    RawCascade {
        /// What it is called in messages.
        id: String [required()],
        /// A classifier, or an embedding: a folder in models_dir.
        model: String [required()],
        /// Objects of the first model; without it, all.
        classes: Vec<At<String>> [default("[]")],
        /// Of the picture; smaller ones are not looked at.
        min_height: f64 [default("0.1").range(0.0, 1.0)],
        /// After three looks, a track is looked at so often.
        again: Duration [default("\"5s\"").range(1.0, 3600.0)],
        /// Its budget: crops a second.
        per_second: f64 [default("2.0").range(0.1, 100.0)],
    }
}

raw_table! {
    /// A second model that looks at whole pictures
    RawLook {
        /// What rules name it by.
        id: String [required()],
        /// A classifier: a folder in models_dir.
        model: String [required()],
        /// How often it looks.
        every: Duration [default("\"1s\"").range(0.1, 60.0)],
    }
}

raw_table! {
    /// A second model that tells people apart by their looks
    RawLikeness {
        /// An embedding: a folder in models_dir.
        model: String [required()],
        /// Of those whose tracks are in doubt, at most.
        crops_per_frame: u64 [default("4").range(1.0, 16.0)],
    }
}

raw_table! {
    /// An area of the picture
    RawZone {
        /// What rules name it by.
        id: String [required()],
        /// At least three corners, x and y from 0 to 1 from the top left; edges must not cross.
        polygon: Vec<At<[f64; 2]>> [required()],
    }
}

raw_table! {
    /// A line across the picture
    RawLine {
        /// What rules name it by.
        id: String [required()],
        /// x and y from 0 to 1 from the top left. `forward` is from the left hand to the right hand of someone who walks from -> to.
        from: [f64; 2] [required()],
        /// x and y from 0 to 1 from the top left.
        to: [f64; 2] [required()],
    }
}

raw_table! {
    /// Where the ground lies: a rectangle on it with its sides, or four points of it
    RawCalibration {
        /// Four points.
        points: Vec<At<RawGroundPoint>>,
        /// Four corners of a rectangle on the ground, as the picture shows them.
        rectangle: Vec<At<[f64; 2]>>,
        /// Metres from the first corner to the second, and on to the third.
        sides_m: [f64; 2],
    }
}

raw_table! {
    /// A point of the ground
    RawGroundPoint {
        /// Where the picture shows it, 0 to 1.
        image: [f64; 2] [required()],
        /// Where it is, in metres.
        ground: [f64; 2] [required()],
    }
}

raw_table! {
    /// What nobody may see in what leaves the node
    RawPrivacy {
        /// Black in every picture and video; analysis still looks there.
        masks: Vec<At<RawZone>>,
        /// Classes that are pixelated where they have no part in the incident; [] shows everybody.
        pixelate: Vec<At<String>> [by("people, however the model calls them")],
        /// Least side of a cell, of the picture's width.
        cell: f64 [default("0.0125").range(0.005, 0.2)],
    }
}
