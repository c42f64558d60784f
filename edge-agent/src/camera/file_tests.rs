//! Clips made on the spot, read back as cameras.

use super::*;
use crate::camera::picture::Format;

/// Runs a pipeline that ends by itself.
pub(in crate::camera) fn make(launch: &str) {
    gst::init().expect("GStreamer");
    let pipeline = gst::parse::launch(launch).expect("a good description");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let bus = pipeline.bus().expect("a bus");
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus
        .timed_pop_filtered(gst::ClockTime::from_seconds(60), &kinds)
        .expect("it ends");
    if let gst::MessageView::Error(error) = message.view() {
        panic!("{launch}: {}", error.error());
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
}

fn times(path: &Path, fps: f32) -> Vec<f64> {
    let mut clip = Clip::open(path, FrameGate::new(fps)).expect("it opens");
    let mut times = Vec::new();
    while let Some(frame) = clip.next_frame().expect("it reads") {
        times.push((frame.stamps().at.as_secs_f64() * 1000.0).round() / 1000.0);
    }
    times
}

#[test]
fn every_container_starts_at_zero_and_ends_with_its_last_picture() {
    let folder = tempfile::tempdir().expect("a folder");
    let makers = [
        ("a.mp4", "x264enc bframes=2 key-int-max=10 ! mp4mux"),
        ("b.avi", "avenc_mpeg4 ! avimux"),
        ("c.mkv", "jpegenc ! matroskamux"),
    ];
    for (name, encoder) in makers {
        let path = folder.path().join(name);
        make(&format!(
            "videotestsrc num-buffers=20 ! video/x-raw,width=64,height=48,framerate=10/1 ! {encoder} ! filesink location={}",
            path.display()
        ));
        let all: Vec<f64> = (0..20).map(|i| f64::from(i) / 10.0).collect();
        assert_eq!(times(&path, f32::INFINITY), all, "{name}");
        assert_eq!(times(&path, 5.0).len(), 10, "{name}");
    }
}

#[test]
fn time_goes_on_evenly_where_a_container_does_not_say_when_pictures_are_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("b-frames.avi");
    make(&format!(
        "videotestsrc num-buffers=60 ! video/x-raw,width=64,height=48,framerate=25/1 ! avenc_mpeg4 max-bframes=2 \
         ! avimux ! filesink location={}",
        path.display()
    ));
    let times = times(&path, f32::INFINITY);
    assert_eq!(times.len(), 60);
    // The first of them may be late by as many pictures as are put in another order.
    let steps = times.windows(2).skip(3).map(|pair| pair[1] - pair[0]);
    for step in steps {
        assert!((0.039..0.041).contains(&step), "{times:?}");
    }
}

#[test]
fn a_frame_shows_what_was_encoded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("white.mp4");
    make(&format!(
        "videotestsrc num-buffers=3 pattern=white ! video/x-raw,width=66,height=50 ! x264enc ! mp4mux ! filesink location={}",
        path.display()
    ));
    let mut clip = Clip::open(&path, FrameGate::new(f32::INFINITY)).expect("it opens");
    let frame = clip.next_frame().expect("it reads").expect("a frame");
    let picture = frame.picture();
    assert_eq!((picture.width, picture.height), (66, 50));
    assert_eq!(picture.format, Format::I420);
    assert!(picture.planes[0].data[..66].iter().all(|y| *y >= 230));
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |path: &Path| {
        let mut clip = Clip::open(path, FrameGate::new(5.0)).map_err(|e| e.to_string())?;
        clip.next_frame().map_err(|e| e.to_string())
    };
    let missing = folder.path().join("missing.mp4");
    let error = open(&missing).expect_err("it is not there");
    assert!(error.contains("missing.mp4: No such file"), "{error}");

    let text = folder.path().join("text.mp4");
    std::fs::write(&text, "this is no video at all, but a line of text\n").expect("written");
    let error = open(&text).expect_err("no video");
    assert!(error.contains("text.mp4: "), "{error}");

    let vp8 = folder.path().join("vp8.webm");
    make(&format!(
        "videotestsrc num-buffers=3 ! video/x-raw,width=64,height=48 ! vp8enc ! webmmux ! filesink location={}",
        vp8.display()
    ));
    let error = open(&vp8).expect_err("not supported");
    assert!(
        error.contains("codec video/x-vp8 is not supported"),
        "{error}"
    );
}

#[test]
fn a_clip_may_be_left_half_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("long.mp4");
    make(&format!(
        "videotestsrc num-buffers=200 ! video/x-raw,width=64,height=48 ! x264enc speed-preset=ultrafast ! mp4mux ! filesink location={}",
        path.display()
    ));
    let mut clip = Clip::open(&path, FrameGate::new(f32::INFINITY)).expect("it opens");
    assert!(clip.next_frame().expect("it reads").is_some());
    drop(clip);
}

/// A still street with noise, in which something walks from second 12 to second 14, at 10 pictures a second; key pictures
/// every 20.
fn quiet_clip(folder: &Path, name: &str, encoder: &str) -> PathBuf {
    let (width, height) = (320, 240);
    let mut raw = Vec::new();
    let mut noise = 1_u32;
    for i in 0..300 {
        let mut luma: Vec<u8> = (0..width * height)
            .map(|at| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let street = 80 + 20 * ((at % width / 16 + at / width / 16) % 3);
                street as u8 + (noise >> 30) as u8
            })
            .collect();
        if (120..140).contains(&i) {
            let left = (i - 120) * 14;
            for row in luma.chunks_exact_mut(width).skip(100).take(60) {
                row[left..left + 24].fill(200);
            }
        }
        luma.resize(width * height * 3 / 2, 128);
        raw.extend(luma);
    }
    let yuv = folder.join("raw.yuv");
    std::fs::write(&yuv, raw).expect("written");
    let path = folder.join(name);
    make(&format!(
        "filesrc location={} ! rawvideoparse width={width} height={height} format=i420 framerate=10/1 ! {encoder} \
         ! filesink location={}",
        yuv.display(),
        path.display()
    ));
    path
}

/// A group of pictures of the clips below, and the unit after its key unit, with which all of it is decoded; it may hold a
/// picture that is shown two pictures later.
const LATEST: Duration = Duration::from_millis(2_300);

/// Times of the frames that are given, none later than [`LATEST`], those in which nothing moves apart, and how many pictures were decoded.
fn gated(path: &Path, kind: GateKind) -> (Vec<f64>, Vec<f64>, u64) {
    let settings = GateSettings {
        kind,
        masks: Vec::new(),
    };
    let mut clip = Clip::gated(path, &settings, 5.0).expect("it opens");
    let (mut moving, mut still) = (Vec::new(), Vec::new());
    while let Some(frame) = clip.next_frame().expect("it reads") {
        let at = (frame.stamps().at.as_secs_f64() * 1000.0).round() / 1000.0;
        let held_back = frame.seen_at().saturating_sub(frame.stamps().at);
        assert!(held_back <= LATEST, "{at} came {held_back:?} late");
        match frame.still_since() {
            None => moving.push(at),
            Some(_) => still.push(at),
        }
    }
    (
        moving,
        still,
        clip.progress().decoded.load(Ordering::Relaxed),
    )
}

#[test]
fn a_gated_clip_gives_every_frame_in_which_something_moves_and_decodes_few_others() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, encoder) in [
        (
            "plain.mp4",
            "x264enc tune=zerolatency key-int-max=20 ! mp4mux",
        ),
        (
            "b-frames.mp4",
            "x264enc bframes=2 b-adapt=false key-int-max=20 ! mp4mux",
        ),
        (
            "constant.mkv",
            "x264enc pass=cbr bitrate=500 key-int-max=20 ! matroskamux",
        ),
        (
            "hevc.mkv",
            "x265enc speed-preset=ultrafast key-int-max=20 option-string=open-gop=0 ! h265parse ! matroskamux",
        ),
    ] {
        let path = quiet_clip(folder.path(), name, encoder);
        let (by_motion, _, all) = gated(&path, GateKind::Motion);
        let (by_units, still, decoded) = gated(&path, GateKind::Encoded);
        assert_eq!(all, 300, "{name}");
        let walk: Vec<f64> = (60..72).map(|i| f64::from(i) / 5.0).collect();
        for (gate, times) in [("motion", &by_motion), ("encoded", &by_units)] {
            let missed = walk.iter().filter(|at| !times.contains(at)).count();
            assert_eq!(missed, 0, "{name}, {gate}: {times:?}");
            let idle = times
                .iter()
                .filter(|at| **at > 17.0 || (4.0..11.9).contains(*at));
            assert_eq!(idle.count(), 0, "{name}, {gate}: {times:?}");
        }
        assert!(decoded < 200, "{name}: {decoded} of 300 decoded");
        let mut times = [by_units, still].concat();
        let given = times.len();
        times.sort_by(f64::total_cmp);
        times.dedup();
        assert_eq!(times.len(), given, "{name}: no frame comes twice");
        assert!(*times.last().expect("some") >= 28.0, "{name}: to the end");
        assert_eq!(
            gated(&path, GateKind::Encoded).2,
            decoded,
            "{name}: the same each time"
        );
    }
}
