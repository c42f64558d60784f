//! The camera's task and its clips: what it tells the recorder, and what becomes of a clip that is made.

use super::Watch;
use crate::{
    analysis::Decision,
    archive::recorder::{Asked, Made},
    command::Done,
    report::Report,
};

impl Watch {
    /// Notes for clips where everything is in the latest frame.
    pub(super) fn look_for_clips(&mut self) {
        if let Some(frame) = self.analysis.last_frame() {
            self.clips.look(frame.stamps(), self.analysis.tracks());
        }
    }

    /// Has the incident's clip followed.
    pub(super) fn follow_clip(&mut self, report: &Report, decision: &Decision) {
        let told = self
            .clips
            .decided(report, &decision.change, decision.stamps);
        self.unwritten.extend(told);
    }

    /// Tells of a clip, or sends it where it was asked for.
    pub(super) async fn clip_made(&mut self, made: Made) {
        match made {
            Made::Told(report) => {
                self.verdicts.tell(&report);
                self.unwritten.push_back(*report);
            }
            Made::Asked(Asked { answer, .. }, _) if answer.is_closed() => {
                tracing::warn!(
                    camera = self.camera,
                    "a clip took so long that nobody waits for it"
                );
            }
            Made::Asked(asked, made) => {
                let sent = match made {
                    Ok(parts) => self.send(parts, asked.request).await,
                    Err(why) => Err(why),
                };
                self.answer(asked.answer, sent);
            }
        }
    }

    /// Answers whoever waits for an order to be carried out.
    pub(super) fn answer(
        &self,
        to: tokio::sync::oneshot::Sender<Result<Done, String>>,
        done: Result<Done, String>,
    ) {
        if to.send(done).is_err() {
            tracing::debug!(camera = self.camera, "nobody waits for an answer any more");
        }
    }
}
