//! The rows of the table in docs/hostile-cameras.md, each with its test.

use super::bench::Bench;

/// A row.
pub(crate) struct Row {
    /// As in the table.
    pub(crate) name: &'static str,
    /// What its camera is told before the node starts.
    pub(crate) first: &'static [&'static str],
    /// Behind the camera's address.
    pub(crate) path: &'static str,
    /// Over UDP, where packets are lost one by one.
    pub(crate) udp: bool,
    /// How many cameras do this, by the number of each.
    count: usize,
    /// What is done to each and what must come of it.
    pub(crate) test: fn(&Bench<'_>),
}

const fn row(name: &'static str, test: fn(&Bench<'_>)) -> Row {
    Row {
        name,
        first: &[],
        path: "",
        udp: false,
        count: 1,
        test,
    }
}

const fn udp(name: &'static str, test: fn(&Bench<'_>)) -> Row {
    Row {
        udp: true,
        ..row(name, test)
    }
}

impl Row {
    /// Its cameras with their names.
    pub(crate) fn cameras(&self) -> impl Iterator<Item = (String, &Row)> {
        let name = |number| match number {
            0 => self.name.to_owned(),
            _ => format!("{}-{number}", self.name),
        };
        (0..self.count).map(move |number| (name(number), self))
    }
}

/// Pictures that show that a camera is watched on: some seconds of them.
const SOME: u32 = 30;

pub(crate) const ROWS: &[Row] = &[
    row("stop", |camera| {
        camera.fails_by(&["silence on"], "stalled", "stood still");
        camera.fails(1, "silent", "sends no picture");
        camera.recovers(&["well"]);
    }),
    udp("no-udp", |camera| {
        camera.fails_by(&["silence on", "reset"], "silent", "firewall");
        camera.recovers(&["well"]);
    }),
    row("freeze", |camera| {
        camera.order("freeze on");
        camera.shows("a frozen picture", |camera| {
            camera.figure("camera_frozen") == Some(1.0) && !camera.is_watched()
        });
        camera.shows("the word", |camera| camera.says("frozen"));
        camera.goes_on(SOME);
        camera.recovers(&["well"]);
    }),
    udp("loss", |camera| {
        camera.order("drop 0.1");
        camera.goes_on(SOME);
        camera.shows("lost packets", |camera| {
            camera.figure("camera_packets_lost_total") > Some(0.0)
        });
        camera.recovers(&["well"]);
    }),
    udp("delay", |camera| watched_through(camera, &["delay 300"])),
    udp("reorder", |camera| {
        watched_through(camera, &["reorder 0.3"])
    }),
    row("corrupt", |camera| {
        camera.order("corrupt 0.2");
        camera.fails_or_is_watched(1);
        camera.recovers(&["well"]);
    }),
    row("reset", |camera| {
        camera.fails_by(&["reset"], "cut_off", "broke off");
        camera.recovers(&[]);
    }),
    row("hang-up", |camera| {
        camera.fails_by(&["hang-up"], "ended", "ended");
        camera.recovers(&[]);
    }),
    row("starting", |camera| {
        camera.fails_by(&["answer reset", "reset"], "cut_off", "broke off");
        camera.fails(1, "cut_off", "broke off");
        camera.recovers(&["well"]);
    }),
    row("resolution", |camera| {
        watched_through(camera, &["show 480x270 5fps"]);
        watched_through(camera, &["show 320x180 5fps"]);
    }),
    row("fps", |camera| {
        watched_through(camera, &["show 320x180 10fps"]);
        watched_through(camera, &["show 320x180 5fps"]);
    }),
    row("codec", |camera| {
        camera.is_cut_by(&["show 320x180 5fps h265"], &["undecodable", "stalled"]);
        camera.recovers(&[]);
        camera.goes_on(SOME);
        camera.is_cut_by(&["show 320x180 5fps h264"], &["undecodable", "stalled"]);
        camera.recovers(&[]);
    }),
    row("jump-forward", |camera| {
        watched_through(camera, &["jump 3600"]);
        watched_through(camera, &["jump 5"]);
    }),
    row("jump-back", |camera| {
        watched_through(camera, &["jump -7200"]);
        watched_through(camera, &["jump -5"]);
    }),
    row("wrap", |camera| {
        camera.fails_by(&["wrap on", "reset"], "cut_off", "broke off");
        camera.shows("a new session", |camera| {
            camera.figure("camera_connections_total") > Some(1.0) && camera.is_watched()
        });
        camera.goes_on(SOME);
        camera.recovers(&["well"]);
    }),
    Row {
        first: &["reports off"],
        ..row("no-reports", |camera| {
            camera.goes_on(SOME);
            assert_eq!(camera.figure("camera_clock_ahead_seconds"), None);
            camera.recovers(&["well"]);
            camera.shows("the camera's clock", |camera| clock(camera) < 60.0);
        })
    },
    row("wrong-reports", |camera| {
        camera.order("reports wrong");
        camera.goes_on(SOME);
        camera.shows("a doubtful clock", |camera| clock(camera) > 60.0);
        camera.recovers(&["well"]);
        camera.shows("a good clock", |camera| clock(camera) < 60.0);
    }),
    row("offset", |camera| {
        camera.order("clock 3600");
        camera.goes_on(SOME);
        let hour = 3540.0..3660.0;
        camera.shows("an hour", |camera| hour.contains(&clock(camera)));
        camera.recovers(&["well"]);
        camera.shows("a good clock", |camera| clock(camera) < 60.0);
    }),
    row("drift", |camera| {
        camera.order("drift 50000");
        camera.goes_on(SOME);
        camera.shows("a clock that is fast", |camera| clock(camera) > 0.5);
        let before = clock(camera);
        camera.shows("more of it", |camera| clock(camera) > before + 0.2);
        camera.recovers(&["well"]);
    }),
    row("401", |camera| {
        camera.fails_by(&["answer 401", "reset"], "unauthorised", "401");
        camera.recovers(&["well"]);
    }),
    row("403", |camera| {
        camera.fails_by(&["answer 403", "reset"], "forbidden", "403");
        camera.recovers(&["well"]);
    }),
    row("453", |camera| {
        camera.fails_by(&["answer 453", "reset"], "out_of_sessions", "453");
        camera.fails_by(&["answer 453 setup"], "out_of_sessions", "453");
        camera.recovers(&["well"]);
    }),
    row("sessions", |camera| {
        camera.order("sessions 1");
        let full = camera.failures(Some("out_of_sessions"));
        camera.fails_by(&["silence on"], "stalled", "stood still");
        camera.recovers(&["silence off"]);
        assert_eq!(
            camera.failures(Some("out_of_sessions")),
            full,
            "no TEARDOWN"
        );
        camera.fails_by(&["reset"], "out_of_sessions", "453");
        camera.recovers(&[]);
    }),
    row("454", |camera| {
        camera.fails_by(&["answer 454 play", "reset"], "session_lost", "454");
        camera.recovers(&["well"]);
    }),
    row("503", |camera| {
        camera.fails_by(&["answer 503", "reset"], "overloaded", "503");
        camera.recovers(&["well"]);
    }),
    row("half", |camera| {
        camera.fails_by(&["answer half", "reset"], "mute", "stopped answering");
        camera.recovers(&["well"]);
    }),
    row("endless", |camera| {
        camera.fails_by(&["answer endless", "reset"], "mute", "stopped answering");
        camera.recovers(&["well", "reset"]);
    }),
    Row {
        count: 4,
        ..row("sdp", |camera| {
            // Each begins with another number of the corpus.
            camera.order(&format!("answer sdp {}", camera.number() * 5));
            camera.order("reset");
            camera.fails_or_is_watched(4);
            camera.recovers(&["well", "reset"]);
        })
    },
    row("cbr", |camera| {
        watched_through(camera, &["show 320x180 5fps cbr=600"]);
    }),
    row("vbr", |camera| {
        watched_through(camera, &["show 320x180 5fps vbr"]);
    }),
    Row {
        path: "/sub",
        ..row("substream", |camera| watched_through(camera, &[]))
    },
];

/// The camera is watched on while it does as it is told, and afterwards.
fn watched_through(camera: &Bench<'_>, orders: &[&str]) {
    orders.iter().for_each(|order| camera.order(order));
    camera.goes_on(SOME);
    camera.recovers(&["well"]);
}

/// How far the camera's clock is said to be from the node's, seconds.
fn clock(camera: &Bench<'_>) -> f64 {
    let ahead = camera.figure("camera_clock_ahead_seconds");
    ahead.map_or(f64::NAN, f64::abs)
}
