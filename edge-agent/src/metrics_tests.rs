//! The figures as they are shown.

use super::*;

#[test]
fn figures_taken_over_are_shown_and_do_not_add_up() {
    let metrics = Metrics::new();
    let stats = SpoolStats {
        pending: 3,
        given_up: 5,
        ..SpoolStats::default()
    };
    metrics.set_spool(&stats);
    metrics.set_spool(&stats);
    let text = metrics.text().unwrap();
    assert!(text.contains("safecity_edge_spool_pending 3\n"), "{text}");
    assert!(
        text.contains("safecity_edge_spool_given_up_total 5\n"),
        "{text}"
    );
}
