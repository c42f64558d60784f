//! What a camera's rules have counted, as a message.

use std::collections::BTreeMap;

use protocol::{
    NodePath, Severity, Topic,
    totals::{Crossings, RuleTotals, Totals},
};
use uuid::Uuid;

use super::Reporter;
use crate::{
    clock,
    spool::{Class, NewRecord},
    totals::{Count, Stretch},
};

impl Reporter {
    /// The message of a stretch; nothing where there is nothing to tell.
    pub fn totals(&self, stretch: &Stretch) -> Option<NewRecord> {
        let rules: Vec<RuleTotals> = (self.rules.iter().zip(&stretch.rules))
            .filter(|(_, count)| count.counts || count.opened + count.suppressed > 0)
            .map(|((rule, _), count)| RuleTotals {
                rule: rule.clone(),
                opened: count.opened,
                suppressed: count.suppressed,
                crossings: self.crossings(count),
            })
            .collect();
        let totals = Totals {
            bootid: Uuid::nil(),
            seq: 0,
            camera: self.camera.id.clone(),
            from: stretch.from,
            until: stretch.until,
            seconds: stretch.lasted.as_secs_f64(),
            analysed_s: stretch.analysed.as_secs_f64(),
            clock: clock::quality(),
            rules,
        };
        (!totals.rules.is_empty()).then(|| record(&self.node, totals))
    }

    fn crossings(&self, count: &Count) -> Vec<Crossings> {
        let mut classes: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for ((class, forward), crossed) in &count.crossings {
            let label = self.labels.get(usize::from(class.0));
            let both = classes
                .entry(label.map_or("?", String::as_str))
                .or_default();
            if *forward {
                both.0 += crossed;
            } else {
                both.1 += crossed;
            }
        }
        let classes = classes.into_iter();
        let crossings = classes.map(|(class, (forward, backward))| Crossings {
            class: class.to_owned(),
            forward,
            backward,
        });
        crossings.collect()
    }
}

fn record(node: &NodePath, totals: Totals) -> NewRecord {
    NewRecord {
        attest: None,
        class: Class::Telemetry,
        severity: Severity::Info,
        topic: node.topic(&Topic::Totals {
            camera: totals.camera.clone(),
        }),
        payload: Box::new(move |bootid, seq| {
            let totals = Totals {
                bootid,
                seq,
                ..totals
            };
            serde_json::to_vec(&totals).expect("plain data with text keys becomes JSON")
        }),
    }
}
