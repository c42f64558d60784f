//! Topics say the same after a round trip, and nothing else is taken for one.

use proptest::prelude::*;
use protocol::{Name, NodePath, Topic, topic::parse};
use uuid::Uuid;

fn name() -> impl Strategy<Value = Name> {
    // Letters of several scripts, digits, and signs that topics allow.
    "[a-zA-Z0-9_.:=&!а-яёўқғҳ中-]{1,20}".prop_filter_map("no name", |text| text.parse().ok())
}

fn topic() -> impl Strategy<Value = Topic> {
    prop_oneof![
        Just(Topic::Status),
        Just(Topic::Health),
        Just(Topic::Tombstone),
        Just(Topic::Custody),
        Just(Topic::DesiredConfig),
        Just(Topic::ReportedConfig),
        (name(), name()).prop_map(|(camera, kind)| Topic::Incident { camera, kind }),
        name().prop_map(|camera| Topic::Totals { camera }),
        (any::<u128>(), name()).prop_map(|(id, part)| Topic::Evidence {
            incident: Uuid::from_u128(id),
            part,
        }),
        any::<u128>().prop_map(|id| Topic::Command {
            request: Uuid::from_u128(id),
        }),
        any::<u128>().prop_map(|id| Topic::Receipt {
            request: Uuid::from_u128(id),
        }),
    ]
}

proptest! {
    #[test]
    fn a_topic_says_the_same_after_a_round_trip(
        (region, site, node) in (name(), name(), name()),
        topic in topic(),
    ) {
        let path = NodePath { region, site, node };
        let text = path.topic(&topic);
        prop_assert!(!text.contains(['+', '#']), "no wildcard gets into a topic: {text}");
        prop_assert_eq!(parse(&text), Ok((path, topic)));
    }

    #[test]
    fn any_text_is_refused_or_means_itself(text in "(safecity/v1/)?[a-z/+#0-9-]{0,40}") {
        if let Ok((path, topic)) = parse(&text) {
            prop_assert_eq!(path.topic(&topic), text);
        }
    }

    #[test]
    fn a_name_holds_nothing_that_means_something_in_a_topic(text in "\\PC{0,70}") {
        let allowed = !text.is_empty()
            && text.len() <= 64
            && !text.contains(|c: char| "/+#$".contains(c) || c.is_whitespace() || c.is_control());
        prop_assert_eq!(text.parse::<Name>().is_ok(), allowed);
    }
}

#[test]
fn foreign_topics_are_refused_with_a_reason() {
    for (topic, why) in [
        ("other/v1/r/s/n/status", "does not begin with safecity/v1/"),
        ("safecity/v1/r/s", "fewer than three levels"),
        ("safecity/v1/r/s/n/weather", "unknown to this version"),
        ("safecity/v1/r//n/status", "is empty"),
        (
            "safecity/v1/r/s/n/evidence/not-an-id/snapshot",
            "incident id",
        ),
    ] {
        let refused = parse(topic).unwrap_err();
        assert!(refused.why.contains(why), "{topic}: {refused}");
    }
}
