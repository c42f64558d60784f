//! A rule of the operator's own: an expression in CEL (Common Expression Language) over tracks, zones, counts and durations.
//!
//! An expression that speaks of `track` is asked of every object, and an incident is opened for each of which it is true for
//! long enough; any other is asked of the scene as a whole, and gives one incident an episode. What it may speak of is at
//! [`words`]; all of that is checked before the first frame.

mod check;
mod memory;
mod words;

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use cel::{Context, Env, ParseErrors, Program, Value};

use super::{Log, bouts::Bouts, episode::Episode};
use crate::{geometry::Polygon, track::Track};
use memory::Memory;
pub(crate) use words::Words;

/// Of an object for which it was true: not true for longer, and it is over.
const OVER: Duration = Duration::from_millis(1000);

/// The standard functions and macros, without optional values.
static LANGUAGE: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// A rule written by an operator.
#[derive(Debug)]
pub(crate) struct Custom {
    program: Program,
    words: Words,
    memory: Memory,
    zones: Vec<Polygon>,
    is: Is,
    /// Why it could not be answered last, and has not been told yet.
    trouble: Option<String>,
}

/// What is asked.
#[derive(Debug)]
enum Is {
    OfEach(Bouts),
    OfAll(Episode),
}

impl Custom {
    /// # Errors
    /// What is wrong with the expression, and where.
    pub(crate) fn new(
        when: &str,
        min_duration: Duration,
        zones: Vec<(String, Polygon)>,
        words: Words,
    ) -> Result<Self, String> {
        let parsed = LANGUAGE.compile(when);
        let program = parsed.map_err(|why| format!("when: {}", syntax(&why)))?;
        check::check(&program, &words).map_err(|why| format!("when: {why}"))?;
        check::try_out(&program, &words).map_err(|why| format!("when: {why}"))?;
        let of_each = program.references().has_variable("track");
        let is = if of_each {
            Is::OfEach(Bouts::new(min_duration, OVER))
        } else {
            Is::OfAll(Episode::new(min_duration))
        };
        let zones: Vec<Polygon> = zones.into_iter().map(|(_, zone)| zone).collect();
        Ok(Custom {
            program,
            memory: Memory::new(zones.len()),
            words,
            zones,
            is,
            trouble: None,
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        let tracks: Vec<Track> = tracks.filter(|track| track.confirmed).copied().collect();
        self.memory.note(&tracks, &self.zones, log.at);
        let views: Vec<Value> = (tracks.iter())
            .map(|track| (self.words).track(track, &self.memory, log.at, log.aspect))
            .collect();
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        context.add_variable_from_value("count", views.len() as i64);
        context.add_variable_from_value("tracks", views.clone());
        let zones = self.words.zones(&tracks, &self.zones, &self.memory, log.at);
        context.add_variable_from_value("zones", zones);
        let (program, mut trouble) = (&self.program, None);
        let mut ask = |context: &Context<'_, '_>| match program.execute(context) {
            Ok(answer) => answer == Value::Bool(true),
            Err(why) => {
                trouble = Some(why.to_string());
                false
            }
        };
        match &mut self.is {
            Is::OfEach(bouts) => {
                let seen = tracks.iter().zip(views).filter(|(track, _)| track.seen);
                let doing = seen.filter_map(|(track, view)| {
                    let mut inner = context.new_inner_scope();
                    inner.add_variable_from_value("track", view);
                    ask(&inner).then_some(*track)
                });
                let doing: Vec<Track> = doing.collect();
                bouts.step(&doing, log);
            }
            Is::OfAll(episode) => {
                let is = ask(&context) && !log.ends;
                let members = if is { tracks } else { Vec::new() };
                episode.step(is, members, log);
            }
        }
        self.trouble = trouble.or(self.trouble.take());
    }

    /// Why it could not be answered of late, told once.
    pub(crate) fn take_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }
}

/// What the parser says first, without all that it would have liked better.
fn syntax(errors: &ParseErrors) -> String {
    let first = errors.errors.first();
    first.map_or_else(String::new, |error| {
        let said = error.msg.lines().next().unwrap_or_default();
        let said = said.split(" expecting {").next().unwrap_or(said);
        let column = error.pos.1;
        format!("{said} (column {column})")
    })
}
