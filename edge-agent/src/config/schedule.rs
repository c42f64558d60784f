//! When a rule is to watch: weekdays and times of day in a time zone, as `mon-fri 22:00-06:00`.
//!
//! Times are those that a clock on the wall shows: an hour that the clock jumps over does not happen, one that it shows twice
//! counts both times.

use jiff::{Timestamp, civil::Weekday, tz::TimeZone};

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// When a rule watches.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    zone: TimeZone,
    spans: Vec<Span>,
}

/// The time from one minute of some days to another; that of the day after where it is not later.
#[derive(Clone, Debug, PartialEq)]
struct Span {
    days: Vec<Weekday>,
    from: u16,
    until: u16,
}

impl Schedule {
    /// Reads spans of time, as somebody typed them.
    ///
    /// # Errors
    /// The place of the span that is none in the list, and what is wrong.
    pub fn new<'t>(
        zone: TimeZone,
        spans: impl Iterator<Item = &'t str>,
    ) -> Result<Schedule, (usize, String)> {
        let spans = spans
            .enumerate()
            .map(|(place, text)| Span::read(text).map_err(|why| (place, why)));
        Ok(Schedule {
            zone,
            spans: spans.collect::<Result<_, _>>()?,
        })
    }

    /// Whether it watches at this time.
    pub fn is_active(&self, at: Timestamp) -> bool {
        let local = at.to_zoned(self.zone.clone());
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let today = local.weekday();
        self.spans.iter().any(|span| span.holds(today, minute))
    }
}

impl Span {
    fn read(text: &str) -> Result<Span, String> {
        let wrong = || {
            format!(
                "{text:?} is no span of time, as in \"mon-fri 22:00-06:00\" or \"daily 08:00-20:00\""
            )
        };
        let (days, times) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let (from, until) = times.trim().split_once('-').ok_or_else(wrong)?;
        let (from, until) = (minute(from), minute(until));
        let (from, until) = (from.ok_or_else(wrong)?, until.ok_or_else(wrong)?);
        if from == DAY {
            return Err(wrong());
        }
        let days = read_days(days).ok_or_else(wrong)?;
        Ok(Span { days, from, until })
    }

    fn holds(&self, today: Weekday, minute: u16) -> bool {
        let begins = self.days.contains(&today) && minute >= self.from;
        if self.from < self.until {
            return begins && minute < self.until;
        }
        let began = self.days.contains(&today.previous());
        begins || (began && minute < self.until)
    }
}

/// `daily`, or days and ranges of days with commas between them.
fn read_days(text: &str) -> Option<Vec<Weekday>> {
    if text == "daily" {
        return Some(DAYS.map(|(_, day)| day).to_vec());
    }
    let day = |name: &str| DAYS.iter().find(|(known, _)| *known == name).map(|d| d.1);
    let mut days = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut next, last) = (day(first)?, day(last)?);
        days.push(next);
        while next != last {
            next = next.next();
            days.push(next);
        }
    }
    Some(days)
}

/// Minutes since midnight of `HH:MM`, 24:00 included.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str| {
        (text.len() == 2)
            .then(|| text.parse::<u16>().ok())
            .flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let whole = hours * 60 + minutes;
    (minutes < 60 && whole <= DAY).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(zone: &str, spans: &[&str]) -> Schedule {
        let zone = TimeZone::get(zone).expect("zones come with the program");
        Schedule::new(zone, spans.iter().copied()).expect("good")
    }

    fn active(schedule: &Schedule, times: &[&str]) -> Vec<bool> {
        let times = times.iter().map(|time| time.parse().expect("a time"));
        times.map(|time| schedule.is_active(time)).collect()
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let nights = schedule("Asia/Tashkent", &["mon-fri 22:00-06:00"]);
        // Tashkent is five hours ahead. 2026-07-03 is a Friday.
        let friday = ["2026-07-03T16:59:00Z", "2026-07-03T17:00:00Z"];
        assert_eq!(active(&nights, &friday), [false, true]);
        let saturday = [
            "2026-07-04T00:59:00Z",
            "2026-07-04T01:00:00Z",
            "2026-07-04T18:00:00Z",
        ];
        assert_eq!(active(&nights, &saturday), [true, false, false]);
        let monday = ["2026-07-06T00:30:00Z"];
        assert_eq!(active(&nights, &monday), [false], "the night from Sunday");
    }

    #[test]
    fn times_are_those_of_the_wall_when_clocks_change() {
        let early = schedule("Europe/Berlin", &["daily 02:30-03:30"]);
        // In spring 02:00 becomes 03:00 at 01:00 UTC: the hour is half over when it begins.
        let spring = [
            "2026-03-29T00:59:00Z",
            "2026-03-29T01:00:00Z",
            "2026-03-29T01:29:00Z",
            "2026-03-29T01:30:00Z",
        ];
        assert_eq!(active(&early, &spring), [false, true, true, false]);
        // In autumn 03:00 becomes 02:00 at 01:00 UTC: the clock shows half past two twice.
        let autumn = [
            "2026-10-25T00:29:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:29:00Z",
            "2026-10-25T02:30:00Z",
        ];
        let twice = [false, true, false, true, true, false];
        assert_eq!(active(&early, &autumn), twice);
        // The same time in UTC is another hour of the wall in winter and in summer.
        let office = schedule("Europe/Berlin", &["mon-fri 08:00-17:00"]);
        let seven = [
            "2026-01-07T07:00:00Z",
            "2026-07-01T06:00:00Z",
            "2026-01-07T06:00:00Z",
        ];
        assert_eq!(active(&office, &seven), [true, true, false]);
    }

    #[test]
    fn days_may_be_lists_and_wrap_around_the_week() {
        let some = schedule("UTC", &["sat,sun 00:00-24:00", "fri-mon 12:00-13:00"]);
        let days = [
            "2026-07-03",
            "2026-07-04",
            "2026-07-05",
            "2026-07-06",
            "2026-07-07",
        ];
        let noon = days.map(|day| format!("{day}T12:30:00Z"));
        let noon: Vec<&str> = noon.iter().map(String::as_str).collect();
        assert_eq!(active(&some, &noon), [true, true, true, true, false]);
        let night = days.map(|day| format!("{day}T23:59:00Z"));
        let night: Vec<&str> = night.iter().map(String::as_str).collect();
        assert_eq!(active(&some, &night), [false, true, true, false, false]);
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_place() {
        let refused =
            |text: &str| Schedule::new(TimeZone::UTC, ["daily 08:00-09:00", text].into_iter());
        for text in [
            "",
            "daily",
            "mon 8-9",
            "monday 08:00-09:00",
            "mon 08:60-09:00",
            "mon 24:00-09:00",
            "mon 08:00-24:01",
            "mon-xyz 08:00-09:00",
        ] {
            let (place, why) = refused(text).expect_err(text);
            assert_eq!(place, 1);
            assert!(why.contains("mon-fri 22:00-06:00"), "{why}");
        }
    }
}
