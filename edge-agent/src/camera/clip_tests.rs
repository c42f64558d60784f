//! Films of pictures that were encoded on the spot.

use super::*;
use crate::camera::{file::Clip, gate::FrameGate, recode::recode};

/// H.264 of `pictures` pictures, five a second, a key picture each second.
pub(crate) fn h264(pictures: u32, video: &str) -> String {
    format!(
        "videotestsrc num-buffers={pictures} pattern=snow ! video/x-raw,format=I420,framerate=5/1,{video} \
         ! x264enc bframes=0 key-int-max=5 speed-preset=ultrafast ! h264parse \
         ! video/x-h264,stream-format=avc,alignment=au"
    )
}

/// The same in H.265.
pub(crate) fn h265(pictures: u32, video: &str) -> String {
    format!(
        "videotestsrc num-buffers={pictures} pattern=snow ! video/x-raw,format=I420,framerate=5/1,{video} \
         ! x265enc key-int-max=5 tune=zerolatency speed-preset=ultrafast option-string=open-gop=0:log-level=none \
         ! h265parse ! video/x-h265,stream-format=hvc1,alignment=au"
    )
}

/// The access units that a pipeline makes, as a camera would send them from `begin` on, `offset` after its first.
pub(crate) fn units(
    launch: &str,
    begin: jiff::Timestamp,
    offset: Duration,
) -> Vec<Arc<AccessUnit>> {
    gst::init().expect("GStreamer");
    let pipeline = gst::parse::launch(&format!("{launch} ! appsink name=out sync=false"));
    let pipeline = pipeline
        .expect("a good description")
        .downcast::<gst::Pipeline>();
    let pipeline = pipeline.expect("a pipeline");
    let sink = pipeline.by_name("out").expect("a sink");
    let sink = sink.downcast::<gst_app::AppSink>().expect("an appsink");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let (mut units, mut first) = (Vec::new(), None);
    while let Ok(sample) = sink.pull_sample() {
        let mut buffer = sample.buffer_owned().expect("data");
        let pts = buffer.pts().expect("a time");
        let first = *first.get_or_insert(pts);
        let shift = gst::ClockTime::try_from(offset).expect("a time");
        let at = pts.saturating_sub(first) + shift;
        let stamps = buffer.make_mut();
        stamps.set_pts(at);
        stamps.set_dts(None);
        let at = Duration::from(at);
        let caps = sample.caps_owned().expect("caps");
        let again = gst::Sample::builder().buffer(&buffer).caps(&caps);
        let stamps = Stamps {
            at,
            capture: None,
            arrival: begin + at,
        };
        units.extend(AccessUnit::new(again.build(), stamps).map(Arc::new));
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
    units
}

/// Width, height and luma of every picture of a film, row by row without padding.
pub(crate) fn decoded(mp4: &[u8]) -> Vec<(usize, usize, Vec<u8>)> {
    let file = tempfile::NamedTempFile::with_suffix(".mp4").expect("a file");
    std::fs::write(file.path(), mp4).expect("written");
    let mut clip = Clip::open(file.path(), FrameGate::new(f32::INFINITY)).expect("it opens");
    let mut pictures = Vec::new();
    while let Some(frame) = clip.next_frame().expect("it reads") {
        let picture = frame.picture();
        let (width, height) = (picture.width as usize, picture.height as usize);
        let rows = picture.planes[0].data.chunks(picture.planes[0].stride);
        let luma = rows.take(height).flat_map(|row| row[..width].to_vec());
        pictures.push((width, height, luma.collect()));
    }
    pictures
}

#[test]
fn pictures_that_are_sent_out_of_display_order_are_shown_in_it() {
    let video = "videotestsrc num-buffers=20 pattern=ball ! video/x-raw,format=I420,framerate=5/1,width=128,height=96 \
         ! x264enc bframes=3 b-adapt=false key-int-max=10 speed-preset=veryfast ! video/x-h264,profile=main \
         ! h264parse ! video/x-h264,stream-format=avc,alignment=au";
    let units = units(video, jiff::Timestamp::UNIX_EPOCH, Duration::from_secs(9));
    let at: Vec<Duration> = units.iter().map(|unit| unit.stamps.at).collect();
    assert!(!at.is_sorted(), "they are sent in display order: {at:?}");
    let film = film(&units).expect("a film");
    let straight = decoded(&film.mp4);
    assert_eq!(straight.len(), 20);
    let burn = |canvas: &mut crate::camera::canvas::Canvas<'_>, _| canvas.width == 128;
    let again = recode(film.mp4, film.codec, Box::new(burn)).expect("encoded again");
    let again = decoded(&again);
    assert_eq!(again.len(), 20);
    // A ball that rolls is where it was in the same picture.
    let off = |a: &[u8], b: &[u8]| -> u32 {
        a.iter()
            .zip(b)
            .map(|(a, b)| u32::from(a.abs_diff(*b)))
            .sum()
    };
    for i in 1..20 {
        let (own, before) = (
            off(&again[i].2, &straight[i].2),
            off(&again[i].2, &straight[i - 1].2),
        );
        assert!(own < before, "picture {i}: {own} and {before}");
    }
}

#[test]
fn the_film_around_a_moment_has_one_format_and_begins_with_a_key_picture() {
    let begin = jiff::Timestamp::UNIX_EPOCH;
    let mut both = units(&h264(10, "width=64,height=48"), begin, Duration::ZERO);
    both.extend(units(
        &h264(10, "width=96,height=64"),
        begin,
        Duration::from_secs(2),
    ));
    let at = |ms| Stamps {
        at: Duration::ZERO,
        capture: None,
        arrival: begin + Duration::from_millis(ms),
    };
    for (ms, size) in [(700, (64, 48)), (3100, (96, 64))] {
        let film = film(&one_film(both.clone(), at(ms))).expect("a film");
        let pictures = decoded(&film.mp4);
        assert_eq!(pictures.len(), 10);
        assert!(
            pictures
                .iter()
                .all(|(width, height, _)| (*width, *height) == size)
        );
    }
    let late = one_film(both[3..].to_vec(), at(700));
    assert!(late[0].key && late.len() == 5, "{}", late.len());
    assert!(film(&[]).is_err());
}
