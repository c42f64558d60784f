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
