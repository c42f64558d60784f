//! Stretches follow each other, and nothing is counted twice or not at all.

use analytics::rule::{LifeSettings, RuleSpec};

use super::*;

const CAR: ClassId = ClassId(2);
const MINUTE: Duration = Duration::from_secs(60);

fn rules() -> Vec<RuleSettings> {
    let rule = |id: &str, rule| RuleSettings {
        id: id.to_owned(),
        classes: Vec::new(),
        rule,
        life: LifeSettings::default(),
    };
    let (zone, line) = ("yard".to_owned(), "gate".to_owned());
    let min_duration = MINUTE;
    vec![
        rule("waits", RuleSpec::Loitering { zone, min_duration }),
        rule("traffic", RuleSpec::Counting { line }),
    ]
}

/// So many seconds after a quarter past ten.
fn after(start: Instant, seconds: u64) -> Moment {
    let begin: Utc = "2026-07-01T10:15:00Z".parse().expect("a time");
    let passed = Duration::from_secs(seconds);
    Moment {
        time: begin + passed,
        at: start + passed,
    }
}

fn cars(count: u64) -> impl Iterator<Item = (RuleIndex, Total)> {
    let total = Total {
        class: CAR,
        forward: true,
        count,
    };
    std::iter::once((RuleIndex(1), total))
}

fn held_back(count: u64) -> impl Iterator<Item = (RuleIndex, u64)> {
    std::iter::once((RuleIndex(0), count))
}

#[test]
fn stretches_end_at_whole_multiples_and_follow_each_other() {
    let start = Instant::now();
    let (began, end) = (after(start, 20), after(start, 60));
    let mut book = Book::new(&rules(), MINUTE, began);
    assert_eq!(book.due(), end.at);
    let first = book.stretch(Duration::from_secs(39), end);
    assert_eq!((first.from, first.until), (began.time, end.time));
    assert_eq!(first.lasted, Duration::from_secs(40));
    book.told(&first);
    assert_eq!(book.due(), after(start, 120).at);
    let second = book.stretch(Duration::from_secs(89), after(start, 120));
    assert_eq!((second.from, second.lasted), (end.time, MINUTE));
    assert_eq!(second.analysed, Duration::from_secs(50));
}

#[test]
fn a_stretch_that_would_be_next_to_nothing_goes_on_to_the_next_end() {
    let start = Instant::now();
    let book = Book::new(&rules(), MINUTE, after(start, 57));
    assert_eq!(book.due(), after(start, 120).at);
}

#[test]
fn what_was_not_told_is_in_the_next_stretch_and_nothing_is_told_twice() {
    let now = after(Instant::now(), 60);
    let mut book = Book::new(&rules(), MINUTE, now);
    book.opened(RuleIndex(0));
    book.note(held_back(2), cars(5));
    let refused = book.stretch(MINUTE, now);
    book.again(now);
    assert_eq!(book.due(), now.at + AGAIN);
    book.note(held_back(2), cars(7));
    let stretch = book.stretch(MINUTE, now);
    let counts = |stretch: &Stretch| {
        let [waits, traffic] = &stretch.rules[..] else {
            panic!("{stretch:?}");
        };
        let cars = traffic.crossings.get(&(CAR, true)).copied();
        (waits.opened, waits.suppressed, cars)
    };
    assert_eq!(counts(&refused), (1, 2, Some(5)));
    assert_eq!(counts(&stretch), (1, 2, Some(7)));
    book.told(&stretch);
    book.note(held_back(3), cars(8));
    assert_eq!(counts(&book.stretch(MINUTE, now)), (0, 1, Some(1)));
    book.told(&stretch);
    assert_eq!(counts(&book.stretch(MINUTE, now)), (0, 0, None));
}
