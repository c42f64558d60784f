//! The end of a stretch of counting.

use std::time::Duration;

use super::Watch;
use crate::{coverage::Reason, totals::Moment};

impl Watch {
    /// Tells what was counted since the last time, and begins anew once that is durable.
    pub(super) async fn tell_totals(&mut self) {
        let now = Moment::now();
        let coverage = self.account.coverage();
        let watched = [Reason::Analysed, Reason::Still].map(|reason| coverage.ms(reason));
        let analysed = Duration::from_millis(watched.iter().sum());
        (self.book).note(self.analysis.suppressed(), self.analysis.totals());
        let stretch = self.book.stretch(analysed, now);
        let told = match self.reporter.totals(&stretch) {
            Some(record) => self.spool.append(vec![record]).await.map(drop),
            None => Ok(()),
        };
        match told {
            Ok(()) => self.book.told(&stretch),
            Err(why) => {
                tracing::warn!(camera = self.camera, %why, "totals wait: they are in the next ones");
                self.book.again(now);
            }
        }
    }
}
