//! Descriptions of streams (SDP, RFC 8866): the right one, and a corpus of wrong ones that a seed counts through.

use super::{
    film::{Codec, Film},
    packet::PAYLOAD_TYPE,
};
use crate::dice::Dice;

/// What `a=control` names the only stream.
pub(super) const TRACK: &str = "track1";

/// A megabyte: far above any camera's description.
const HUGE: usize = 1 << 20;

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=range:npt=now-\r\n";

/// The description that fits a film.
pub(super) fn right(film: &Film) -> Vec<u8> {
    let name = match film.codec {
        Codec::H264 => "H264",
        Codec::H265 => "H265",
        Codec::Jpeg => "JPEG",
    };
    let parameters = match film.parameters.as_str() {
        "" => String::new(),
        parameters => format!("a=fmtp:{PAYLOAD_TYPE} {parameters}\r\n"),
    };
    let media = format!(
        "m=video 0 RTP/AVP {PAYLOAD_TYPE}\r\na=rtpmap:{PAYLOAD_TYPE} {name}/90000\r\n{parameters}a=control:{TRACK}\r\n"
    );
    format!("{HEAD}{media}").into_bytes()
}

/// How one of the corpus is wrong.
type Wrong = fn(&[u8], &mut Dice) -> Vec<u8>;

/// The ways of the corpus, each with a name for the log.
const WAYS: &[(&str, Wrong)] = &[
    ("empty", |_, _| Vec::new()),
    ("no media", |_, _| HEAD.into()),
    ("no parameter sets", |right, _| {
        without(right, |line| line.starts_with("a=fmtp"))
    }),
    ("no rtpmap", |right, _| {
        without(right, |line| line.starts_with("a=rtpmap"))
    }),
    ("another codec", |right, dice| {
        let names = ["VP9", "MP4V-ES", "H264X", "", "H264/90000/99", "%s%n%x"];
        swap(right, "H264", dice.pick(&names))
    }),
    ("negative numbers", |right, _| {
        let text = swap(right, "video 0 RTP/AVP 96", "video -1 RTP/AVP -96");
        swap(&text, "rtpmap:96", "rtpmap:-96")
    }),
    ("odd clock rates", |right, dice| {
        let rates = ["/0", "/-90000", "/99999999999999", "/", "/9e4"];
        swap(right, "/90000", dice.pick(&rates))
    }),
    ("bad parameter sets", |right, dice| {
        let sets = ["=====", "AAAA", "Z0,aM,,,,", "Z///", "\u{fffd}"];
        let sets = format!("sprop-parameter-sets={};", dice.pick(&sets));
        swap(right, "packetization-mode=1;", &sets)
    }),
    ("binary", |_, dice| {
        (0..2000).map(|_| dice.roll() as u8).collect()
    }),
    ("flipped bits", |right, dice| {
        let mut bytes = right.to_vec();
        for _ in 0..8 {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        bytes
    }),
    ("cut short", |right, dice| {
        right[..dice.below(right.len())].to_vec()
    }),
    ("many attributes", |right, _| {
        let line = b"a=x-vendor:0123456789012345678901234567890123456789\r\n";
        [right, line.repeat(HUGE / line.len()).as_slice()].concat()
    }),
    ("many media", |right, _| {
        let media = b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:x\r\n";
        [right, media.repeat(500).as_slice()].concat()
    }),
    ("a very long line", |right, _| {
        let mut bytes = right.to_vec();
        bytes.extend(b"a=fmtp:96 ");
        bytes.resize(bytes.len() + HUGE, b'A');
        bytes.extend(b"\r\n");
        bytes
    }),
    ("sound alone", |right, _| {
        let text = swap(right, "m=video", "m=audio");
        swap(&text, "H264/90000", "PCMU/8000")
    }),
    ("zero bytes", |right, dice| {
        let mut bytes = right.to_vec();
        for _ in 0..4 {
            let at = dice.below(bytes.len());
            bytes[at] = 0;
        }
        bytes
    }),
    ("controls that lead elsewhere", |right, dice| {
        let controls = [
            "rtsp://[::",
            "file:///etc/passwd",
            "rtsp://192.0.2.1/x",
            "../../..",
            "*",
            "",
        ];
        swap(right, TRACK, dice.pick(&controls))
    }),
    ("another host", |right, _| {
        swap(right, "IN IP4 0.0.0.0", "IN IP6 ff02::1%lo/127/9")
    }),
    ("odd ranges", |right, dice| {
        let ranges = ["npt=99999999999-", "npt=-5--1", "clock=x-y", "smpte=-"];
        swap(right, "npt=now-", dice.pick(&ranges))
    }),
    ("bare line ends", |right, _| swap(right, "\r\n", "\n")),
];

/// Number `seed` of the corpus: the name of its way, and the bytes. Counting seeds goes through all ways.
pub(super) fn wrong(film: &Film, seed: u64) -> (&'static str, Vec<u8>) {
    let ways = WAYS.len() as u64;
    let (name, way) = WAYS[(seed % ways) as usize];
    (name, way(&right(film), &mut Dice::salted(seed, ways)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn swap(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    text(bytes).replace(from, to).into_bytes()
}

fn without(bytes: &[u8], unwanted: impl Fn(&str) -> bool) -> Vec<u8> {
    let text = text(bytes);
    let kept = text.split_inclusive("\r\n").filter(|line| !unwanted(line));
    kept.collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use super::*;

    fn film() -> Film {
        Film {
            codec: Codec::H264,
            parameters: "packetization-mode=1;profile-level-id=4d001f;sprop-parameter-sets=Z00,aO4"
                .to_owned(),
            shots: Vec::new(),
            duration: Duration::ZERO,
        }
    }

    #[test]
    fn the_corpus_is_the_same_every_time_and_none_of_it_is_right() {
        let film = film();
        let right = right(&film);
        let mut names = BTreeSet::new();
        for seed in 0..3 * WAYS.len() as u64 {
            let (name, bytes) = wrong(&film, seed);
            names.insert(name);
            assert_eq!(bytes, wrong(&film, seed).1, "{name}");
            assert_ne!(bytes, right, "{name}: {}", text(&bytes));
        }
        assert_eq!(names.len(), WAYS.len());
    }
}
