use super::*;

fn asked(issued: &str, expires: &str) -> CommandRequest {
    CommandRequest {
        request: Uuid::from_u128(1),
        node: NodePath {
            region: "r".parse().unwrap(),
            site: "s".parse().unwrap(),
            node: "n".parse().unwrap(),
        },
        issued: issued.parse().unwrap(),
        expires: expires.parse().unwrap(),
        command: Command::Snapshot {
            camera: "gate".parse().unwrap(),
        },
    }
}

#[test]
fn a_command_lives_from_its_asking_to_its_expiry_whatever_the_clock() {
    let usual = asked("2026-07-01T10:00:00Z", "2026-07-01T10:05:00Z");
    let long = asked("2026-07-01T10:00:00Z", "2026-07-02T10:00:01Z");
    let backwards = asked("2026-07-01T10:06:00Z", "2026-07-01T10:05:00Z");
    for (request, now, synchronised, latest, stale) in [
        (
            &usual,
            "2026-07-01T10:01:00Z",
            true,
            "1970-01-01T00:00:00Z",
            false,
        ),
        (
            &usual,
            "2026-07-01T10:05:00Z",
            true,
            "1970-01-01T00:00:00Z",
            true,
        ),
        // A node that woke up in 1970 heeds the centre, but not what an earlier command has outlived.
        (
            &usual,
            "1970-01-01T00:01:00Z",
            false,
            "1970-01-01T00:00:00Z",
            false,
        ),
        (
            &usual,
            "1970-01-01T00:01:00Z",
            false,
            "2026-07-01T10:04:59Z",
            false,
        ),
        (
            &usual,
            "1970-01-01T00:01:00Z",
            false,
            "2026-07-01T10:05:00Z",
            true,
        ),
        // A synchronised clock knows better than a command from the future.
        (
            &usual,
            "2026-07-01T09:54:59Z",
            true,
            "1970-01-01T00:00:00Z",
            true,
        ),
        (
            &usual,
            "2026-07-01T09:55:00Z",
            true,
            "1970-01-01T00:00:00Z",
            false,
        ),
        (
            &long,
            "2026-07-01T10:01:00Z",
            true,
            "1970-01-01T00:00:00Z",
            true,
        ),
        (
            &backwards,
            "2026-07-01T10:01:00Z",
            true,
            "1970-01-01T00:00:00Z",
            true,
        ),
    ] {
        let clock = ClockQuality {
            synchronised,
            estimated_error_ms: None,
        };
        let why = staleness(
            request,
            now.parse().unwrap(),
            &clock,
            latest.parse().unwrap(),
        );
        assert_eq!(
            why.is_some(),
            stale,
            "{now} {synchronised} {latest}: {why:?}"
        );
    }
}
