//! Rows as a table for a terminal.

use std::fmt::{self, Write};

use super::row::{Row, Spread};

const HELP: &str = "\
CPU seconds of this program per camera-minute: one core has 60 of them in a minute. infer, to PUBACK: milliseconds, in the
middle / at the slow end (95 of 100); to PUBACK from capture, where the camera tells it, to the broker's acknowledgement.
fps each: pictures that the model looked at; a gate spares it the others. lost: frames that gave way to a later one / units
that could not be decoded in time / packets.
";

/// The whole table, with a line feed at its end.
pub(super) fn table(rows: &[Row], fps: f32) -> String {
    let mut text = String::new();
    write(&mut text, rows, fps).expect("a string takes all");
    text
}

fn write(out: &mut String, rows: &[Row], fps: f32) -> fmt::Result {
    writeln!(
        out,
        "{:>7} {:>9} | {:>6} = {:>7} {:>6} {:>5} {:>5} {:>6} {:>5} {:>5} | {:>13} {:>15} {:>14} {:>7}",
        "cameras",
        "fps each",
        "CPU",
        "receive",
        "decode",
        "gate",
        "prep",
        "infer",
        "track",
        "rest",
        "infer ms",
        "to PUBACK ms",
        "lost",
        "RSS MB"
    )?;
    for row in rows {
        let least = row.fps.iter().copied().fold(f64::INFINITY, f64::min);
        let most = row.fps.iter().copied().fold(0.0, f64::max);
        let cpu = row.cpu;
        let lost = row.lost;
        writeln!(
            out,
            "{:>7} {:>9} | {:>6.2} = {:>7.2} {:>6.2} {:>5.2} {:>5.2} {:>6.2} {:>5.2} {:>5.2} | {:>13} {:>15} {:>14} {:>7.0}",
            row.cameras,
            format!("{least:.1}-{most:.1}"),
            cpu.total(),
            cpu.receive,
            cpu.decode,
            cpu.gate,
            cpu.preprocess,
            cpu.infer,
            cpu.track,
            cpu.rest,
            spread(row.infer),
            spread(row.delivery),
            format!("{}/{}/{}", lost.gave_way, lost.not_decoded, lost.packets),
            row.resident_mb,
        )?;
    }
    for row in rows {
        limit(out, row)?;
    }
    let most = rows.iter().filter(|row| row.holds());
    if let Some(most) = most.map(|row| row.cameras).max() {
        writeln!(out, "{most} cameras got their {fps} pictures a second.")?;
    } else {
        writeln!(out, "no trial held {fps} pictures a second.")?;
    }
    write!(out, "\n{HELP}")
}

fn limit(out: &mut String, row: &Row) -> fmt::Result {
    let Some(limit) = row.limit else {
        return Ok(());
    };
    let least = limit.decode + limit.infer;
    writeln!(
        out,
        "\nthe plain limit: {:.2} to receive and decode all + {:.2} for the model alone = {least:.2}; all of it took {:.2}, {:.2} times that (cameras: {})",
        limit.decode,
        limit.infer,
        row.cpu.total(),
        row.cpu.total() / least,
        row.cameras,
    )
}

fn spread(spread: Option<Spread>) -> String {
    match spread {
        Some(Spread { p50, p95, .. }) => format!("{p50:.1} / {p95:.1}"),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{
        row::{Limit, Lost},
        split::Split,
    };

    #[test]
    fn a_row_says_what_it_cost_and_whether_it_held() {
        let row = |cameras, fps| Row {
            cameras,
            seconds: 20.0,
            fps: vec![fps; cameras],
            kept: vec![fps / 5.0; cameras],
            cpu: Split {
                decode: 9.0,
                infer: 6.0,
                ..Split::default()
            },
            infer: None,
            delivery: Some(Spread {
                p50: 31.25,
                p95: 50.0,
                count: 9,
            }),
            lost: Lost::default(),
            resident_mb: 200.0,
            limit: Some(Limit {
                decode: 8.0,
                infer: 6.0,
            }),
        };
        let text = table(&[row(2, 5.0), row(4, 4.0)], 5.0);
        assert!(text.contains(" 15.00 = "), "{text}");
        assert!(text.contains("31.2 / 50.0"), "{text}");
        assert!(text.contains("1.07 times that"), "{text}");
        assert!(text.contains("\n2 cameras got their 5 pictures"), "{text}");
        assert!(table(&[row(4, 4.0)], 5.0).contains("no trial held"));
    }
}
