//! What a hostile camera is told to do, as text: one line of the control port or of a script.

use std::{fmt, str::FromStr, time::Duration};

use super::film::{BitRate, Codec, Look};
use crate::space::Size;

/// A request that is answered badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The stream's description.
    Describe,
    /// The transport.
    Setup,
    /// The start.
    Play,
}

impl Method {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Method::Describe => "DESCRIBE",
            Method::Setup => "SETUP",
            Method::Play => "PLAY",
        }
    }
}

/// How requests are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// As they should be.
    #[default]
    Well,
    /// With a status, to one kind of request.
    Status(u16, Method),
    /// DESCRIBE: the first bytes of an answer, then nothing for ever.
    Half,
    /// DESCRIBE: header after header, without an end.
    Endless,
    /// Every connection is reset at its first request, as while a camera starts.
    Reset,
    /// DESCRIBE: the SDPs of the corpus from this number on, the next one each time.
    Sdp(u64),
}

/// RTCP sender reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reports {
    /// As they should be, by the camera's clock.
    #[default]
    Sent,
    /// None.
    Missing,
    /// Any time of any year.
    Wrong,
}

/// Something that a camera is told to do. All that is not a deed of the moment lasts until it is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// Everything as it should be from now on; what is shown stays as it is.
    Well,
    /// Nothing is sent, the connection stays.
    Silence(bool),
    /// One picture again and again.
    Freeze(bool),
    /// Share of the packets that are lost.
    Drop(f32),
    /// Every packet comes later, by anything up to this.
    Delay(Duration),
    /// Share of the packets that change places with the next one.
    Reorder(f32),
    /// Share of the packets with some bytes changed.
    Corrupt(f32),
    /// All connections are reset, once.
    Reset,
    /// All connections are closed, once.
    HangUp,
    /// RTP times go on from here by so many seconds later or earlier.
    Jump(f64),
    /// New sessions begin just before the end of RTP times and sequence numbers.
    Wrap(bool),
    /// Sender reports.
    Reports(Reports),
    /// The camera's clock is late (negative) or early by so many seconds.
    Clock(f64),
    /// The camera's clock is slow (negative) or fast by so many millionths, from the start of a session on.
    Drift(f64),
    /// So many sessions at a time; one that is not torn down keeps its place for some seconds. 0 is any number.
    Sessions(usize),
    /// How requests are answered.
    Answer(Answer),
    /// Another look in mid-stream.
    Show(Look),
}

/// A line that is no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no order: {why}")]
pub struct OrderError {
    text: String,
    why: String,
}

const KNOWN: &str = "expected well, silence, freeze, drop, delay, reorder, corrupt, reset, hang-up, jump, wrap, reports, \
                     clock, drift, sessions, answer or show; docs/hostile-cameras.md explains each";

impl FromStr for Order {
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
        let mut words = text.split_whitespace();
        let what = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        parse(what, &rest).map_err(|why| OrderError {
            text: text.to_owned(),
            why,
        })
    }
}

fn parse(what: &str, rest: &[&str]) -> Result<Order, String> {
    let order = match what {
        "silence" => Order::Silence(switch(one(rest)?)?),
        "freeze" => Order::Freeze(switch(one(rest)?)?),
        "wrap" => Order::Wrap(switch(one(rest)?)?),
        "drop" => Order::Drop(share(one(rest)?)?),
        "reorder" => Order::Reorder(share(one(rest)?)?),
        "corrupt" => Order::Corrupt(share(one(rest)?)?),
        "delay" => Order::Delay(Duration::from_millis(number(one(rest)?)?)),
        "sessions" => Order::Sessions(number(one(rest)?)?),
        "jump" => Order::Jump(seconds(one(rest)?)?),
        "clock" => Order::Clock(seconds(one(rest)?)?),
        "drift" => Order::Drift(seconds(one(rest)?)?),
        "reports" => Order::Reports(reports(one(rest)?)?),
        "answer" => Order::Answer(answer(rest)?),
        "show" => Order::Show(look(rest)?),
        "well" | "reset" | "hang-up" if !rest.is_empty() => {
            return Err(format!("{what} takes nothing"));
        }
        "well" => Order::Well,
        "reset" => Order::Reset,
        "hang-up" => Order::HangUp,
        _ => return Err(KNOWN.to_owned()),
    };
    Ok(order)
}

fn one<'a>(rest: &[&'a str]) -> Result<&'a str, String> {
    match rest {
        [word] => Ok(word),
        _ => Err(format!("expected one value, found {}", rest.len())),
    }
}

fn switch(word: &str) -> Result<bool, String> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("expected on or off".to_owned()),
    }
}

fn number<T: FromStr>(word: &str) -> Result<T, String>
where
    T::Err: fmt::Display,
{
    word.parse().map_err(|e| format!("{word:?}: {e}"))
}

fn share(word: &str) -> Result<f32, String> {
    Some(number(word)?)
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a share from 0 to 1".to_owned())
}

/// A century is enough for any clock.
fn seconds(word: &str) -> Result<f64, String> {
    Some(number::<f64>(word)?)
        .filter(|seconds| seconds.abs() <= 3.2e9)
        .ok_or_else(|| "expected a number of a century at most".to_owned())
}

fn reports(word: &str) -> Result<Reports, String> {
    match word {
        "on" => Ok(Reports::Sent),
        "off" => Ok(Reports::Missing),
        "wrong" => Ok(Reports::Wrong),
        _ => Err("expected on, off or wrong".to_owned()),
    }
}

fn answer(rest: &[&str]) -> Result<Answer, String> {
    let status = |code: &str, method| {
        let code = number::<u16>(code)?;
        if (300..600).contains(&code) {
            Ok(Answer::Status(code, method))
        } else {
            Err("expected a status from 300 to 599".to_owned())
        }
    };
    match rest {
        ["well"] => Ok(Answer::Well),
        ["half"] => Ok(Answer::Half),
        ["endless"] => Ok(Answer::Endless),
        ["reset"] => Ok(Answer::Reset),
        ["sdp", seed] => Ok(Answer::Sdp(number(seed)?)),
        [code] | [code, "describe"] => status(code, Method::Describe),
        [code, "setup"] => status(code, Method::Setup),
        [code, "play"] => status(code, Method::Play),
        _ => Err(
            "expected well, half, endless, reset, sdp NUMBER, or STATUS [describe|setup|play]"
                .to_owned(),
        ),
    }
}

fn look(rest: &[&str]) -> Result<Look, String> {
    let mut look = Look::default();
    for word in rest {
        match *word {
            "h264" => look.codec = Codec::H264,
            "h265" => look.codec = Codec::H265,
            "jpeg" => look.codec = Codec::Jpeg,
            "vbr" => look.rate = BitRate::Swinging,
            _ => {
                if let Some(fps) = word.strip_suffix("fps") {
                    look.fps = Some(number(fps)?)
                        .filter(|fps| (1..=60).contains(fps))
                        .ok_or("expected 1fps to 60fps")?;
                } else if let Some(kbit) = word.strip_prefix("cbr=") {
                    look.rate = BitRate::Constant(number(kbit)?);
                } else {
                    look.size = size(word)?;
                }
            }
        }
    }
    Ok(look)
}

fn size(word: &str) -> Result<Size, String> {
    let side = |text: &str| {
        let side = text.parse::<u32>().ok()?;
        (side.is_multiple_of(2) && (16..=3840).contains(&side)).then_some(side)
    };
    let sides = word.split_once('x');
    match sides.and_then(|(width, height)| Some((side(width)?, side(height)?))) {
        Some((width, height)) => Ok(Size { width, height }),
        None => Err(format!(
            "{word:?}: expected WIDTHxHEIGHT (even numbers), NUMBERfps, h264, h265, jpeg, vbr or cbr=KILOBITS"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_understood() {
        let told = |text: &str| text.parse::<Order>();
        assert_eq!(told("silence on"), Ok(Order::Silence(true)));
        assert_eq!(told("drop 0.25"), Ok(Order::Drop(0.25)));
        assert_eq!(told("jump -3600"), Ok(Order::Jump(-3600.0)));
        assert_eq!(
            told("delay 250"),
            Ok(Order::Delay(Duration::from_millis(250)))
        );
        assert_eq!(
            told("answer 453 setup"),
            Ok(Order::Answer(Answer::Status(453, Method::Setup)))
        );
        assert_eq!(told("sessions 1"), Ok(Order::Sessions(1)));
        assert_eq!(told("answer sdp 7"), Ok(Order::Answer(Answer::Sdp(7))));
        assert_eq!(told("reports wrong"), Ok(Order::Reports(Reports::Wrong)));
        let Ok(Order::Show(look)) = told("show 320x180 5fps h265 cbr=300") else {
            unreachable!("a good order");
        };
        assert_eq!((look.size.width, look.size.height, look.fps), (320, 180, 5));
        assert_eq!(
            (look.codec, look.rate),
            (Codec::H265, BitRate::Constant(300))
        );
    }

    #[test]
    fn what_is_no_order_is_refused_with_what_was_expected() {
        for (text, word) in [
            ("", "expected well"),
            ("explode", "expected well"),
            ("silence", "one value"),
            ("silence maybe", "on or off"),
            ("drop 1.5", "0 to 1"),
            ("drop NaN", "0 to 1"),
            ("jump inf", "century"),
            ("answer 200", "300 to 599"),
            ("answer 401 teardown", "STATUS"),
            ("show 321x180", "even"),
            ("show 100fps", "60fps"),
            ("reset now", "takes nothing"),
        ] {
            let error = text.parse::<Order>().unwrap_err().to_string();
            assert!(error.contains(word), "{text:?}: {error}");
        }
    }
}
