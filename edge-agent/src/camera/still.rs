//! One picture of a stream that is kept, but not decoded as it comes: decoded out of the reel when it is wanted.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    decoder::{Decoder, WhenFull},
    frame::{Frame, Stamps},
    hardware::Decoding,
    held,
    reel::Reel,
    unit::Codec,
};

/// A decoder that has not given its pictures after so long never will.
const LIMIT: Duration = Duration::from_secs(10);

/// The picture that was taken when `wanted` says, or the nearest to it. Blocks for as long as decoding half a group of
/// pictures takes.
///
/// # Errors
/// In words: nothing is kept, or it cannot be decoded.
pub fn picture(reel: &Mutex<Reel>, wanted: Stamps) -> Result<Frame, String> {
    let units = held(reel).up_to(wanted);
    let Some(last) = units.last().map(|unit| unit.stamps) else {
        return Err("nothing of the main stream is kept yet".to_owned());
    };
    let caps = units.first().and_then(|unit| unit.sample().caps());
    let codec = caps.and_then(Codec::from_caps);
    let codec = codec.ok_or("the main stream has a codec that is not decoded here")?;
    let found = Arc::new(Mutex::new(None));
    let nearest = Arc::clone(&found);
    let decoder = Decoder::new(codec, WhenFull::Wait, Decoding::Software, move |decoded| {
        let ahead = |pts: Duration| pts.abs_diff(last.at);
        let mut nearest = held(&nearest);
        let better =
            |(pts, _): &(Duration, _)| decoded.pts.is_some_and(|p| ahead(p) <= ahead(*pts));
        if nearest.as_ref().is_none_or(better) {
            let pts = decoded.pts.unwrap_or_default();
            *nearest = Some((pts, decoded.into_frame(last)));
        }
        true
    });
    let decoder = decoder.map_err(|fault| fault.to_string())?;
    units.iter().for_each(|unit| {
        decoder.feed(unit.sample());
    });
    decoder.drain_and_wait(LIMIT);
    let fault = decoder.fault();
    decoder.stop();
    let found = held(&found).take();
    match (found, fault) {
        (Some((_, frame)), _) => frame,
        (None, Some(fault)) => Err(fault.to_string()),
        (None, None) => Err("the main stream gave no picture".to_owned()),
    }
}
