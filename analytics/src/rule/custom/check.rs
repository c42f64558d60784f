//! Finds what is wrong with an expression before it is asked of a frame: names that are none, words that no object has,
//! classes that the model does not know, and answers that are neither true nor false.

use std::{sync::Arc, time::Duration};

use cel::{
    Context, IdedExpr, Program, Value,
    common::ast::{ComprehensionExpr, Expr, LiteralValue, operators},
};

use super::{
    LANGUAGE,
    memory::Memory,
    words::{self, Words},
};
use crate::{
    detection::ClassId,
    geometry::{Point, Polygon, Rect},
    track::{Track, TrackId},
};

/// Functions of the language that make sense here.
const FUNCTIONS: [&str; 7] = [
    "size",
    "double",
    "int",
    "string",
    "startsWith",
    "endsWith",
    "contains",
];

/// Names that an expression may begin with.
const NAMES: [(&str, Shape); 4] = [
    ("track", Shape::Track),
    ("tracks", Shape::Tracks),
    ("zones", Shape::Zones),
    ("count", Shape::Other),
];

/// What part of an expression stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Tracks,
    Track,
    /// Of a track: seconds inside, by zone.
    Inside,
    Zones,
    Zone,
    /// Of a zone: counts by class.
    Labels,
    /// The name of a class.
    Label,
    Other,
}

/// Looks an expression through.
///
/// # Errors
/// The first thing that is wrong, with its column.
pub(super) fn check(program: &Program, words: &Words) -> Result<(), String> {
    let mut checker = Checker {
        words,
        program,
        known: NAMES.map(|(name, shape)| (name.to_owned(), shape)).into(),
    };
    checker.shape(program.expression()).map(|_| ())
}

struct Checker<'c> {
    words: &'c Words,
    program: &'c Program,
    /// Names in scope, the innermost last.
    known: Vec<(String, Shape)>,
}

impl Checker<'_> {
    fn shape(&mut self, at: &IdedExpr) -> Result<Shape, String> {
        match &at.expr {
            Expr::Ident(name) => self.named(at, name),
            Expr::Select(select) => {
                let of = self.shape(&select.operand)?;
                self.member(at, of, &select.field)
            }
            Expr::Call(call) => {
                let operands = call.target.iter().map(AsRef::as_ref).chain(&call.args);
                let operands: Vec<&IdedExpr> = operands.collect();
                self.call(at, &call.func_name, &operands)
            }
            Expr::Comprehension(whole) => self.comprehension(whole),
            Expr::List(list) => {
                let shapes = list.elements.iter().map(|element| self.shape(element));
                shapes.collect::<Result<Vec<_>, _>>().map(|_| Shape::Other)
            }
            Expr::Literal(_) | Expr::Unspecified => Ok(Shape::Other),
            Expr::Map(_) | Expr::Struct(_) => Err(self.refuse(at, "maps are not needed in a rule")),
        }
    }

    fn named(&self, at: &IdedExpr, name: &str) -> Result<Shape, String> {
        let known = self.known.iter().rev().find(|(known, _)| known == name);
        known.map(|(_, shape)| *shape).ok_or_else(|| {
            let names = NAMES.map(|(name, _)| name);
            self.refuse(
                at,
                &format!("{name:?} is unknown; there is {}", list(&names)),
            )
        })
    }

    /// What `of.field` or `of["field"]` is.
    fn member(&self, at: &IdedExpr, of: Shape, field: &str) -> Result<Shape, String> {
        let words = self.words;
        let (lacks, has): (_, Vec<&str>) = match of {
            Shape::Track => ("an object has no", words.of_track()),
            Shape::Zone => ("a zone has no", words::ZONE.to_vec()),
            Shape::Zones | Shape::Inside => ("there is no zone", names(&words.zones)),
            Shape::Labels => ("the model knows no class", names(&words.labels)),
            Shape::Tracks => (
                "ask one of the objects, as in tracks.exists(t, t.age > 5.0): a list has no",
                Vec::new(),
            ),
            Shape::Label | Shape::Other => ("this has no", Vec::new()),
        };
        if !has.contains(&field) {
            let text = format!("{lacks} {field:?}; there is {}", list(&has));
            return Err(self.refuse(at, &text));
        }
        Ok(match (of, field) {
            (Shape::Zones, _) => Shape::Zone,
            (Shape::Track, "zones") => Shape::Inside,
            (Shape::Track, "label") => Shape::Label,
            (Shape::Zone, "labels") => Shape::Labels,
            _ => Shape::Other,
        })
    }

    fn call(&mut self, at: &IdedExpr, name: &str, operands: &[&IdedExpr]) -> Result<Shape, String> {
        let operator = name.contains('_') || name.starts_with('@');
        if !operator && !FUNCTIONS.contains(&name) {
            let text = format!("there is no {name:?}; there is {}", list(&FUNCTIONS));
            return Err(self.refuse(at, &text));
        }
        let shapes = operands.iter().map(|operand| self.shape(operand));
        let shapes: Vec<Shape> = shapes.collect::<Result<_, _>>()?;
        match (name, &shapes[..], operands) {
            (operators::INDEX, [of, _], [_, key]) => match text(key) {
                Some(field) => self.member(at, *of, field),
                None => Ok(match of {
                    Shape::Tracks => Shape::Track,
                    Shape::Zones => Shape::Zone,
                    _ => Shape::Other,
                }),
            },
            (operators::EQUALS | operators::NOT_EQUALS | operators::IN, [a, b], [left, right]) => {
                if *a == Shape::Label {
                    self.labels(right)?;
                }
                if matches!(b, Shape::Label | Shape::Labels) {
                    self.labels(left)?;
                }
                Ok(Shape::Other)
            }
            _ => Ok(Shape::Other),
        }
    }

    /// A text, or a list of such, that is held against the name of a class.
    fn labels(&self, at: &IdedExpr) -> Result<(), String> {
        if let Expr::List(list) = &at.expr {
            return list.elements.iter().try_for_each(|one| self.labels(one));
        }
        match text(at) {
            Some(label) => self.member(at, Shape::Labels, label).map(|_| ()),
            None => Ok(()),
        }
    }

    /// A macro such as `exists`.
    fn comprehension(&mut self, whole: &ComprehensionExpr) -> Result<Shape, String> {
        let over = self.shape(&whole.iter_range)?;
        let each = match over {
            Shape::Tracks => Shape::Track,
            Shape::Labels => Shape::Label,
            _ => Shape::Other,
        };
        let outside = self.known.len();
        self.known.push((whole.accu_var.clone(), Shape::Other));
        self.known.push((whole.iter_var.clone(), each));
        let parts = [
            &whole.accu_init,
            &whole.loop_cond,
            &whole.loop_step,
            &whole.result,
        ];
        let checked = parts
            .into_iter()
            .try_for_each(|part| self.shape(part).map(|_| ()));
        self.known.truncate(outside);
        checked?;
        let chooses = matches!(whole.accu_init.expr, Expr::List(_));
        Ok(if chooses { over } else { Shape::Other })
    }

    fn refuse(&self, at: &IdedExpr, text: &str) -> String {
        match self.program.source_info().offset_for(at.id) {
            Some((start, _)) => format!("{text} (column {})", start + 1),
            None => text.to_owned(),
        }
    }
}

fn text(at: &IdedExpr) -> Option<&str> {
    match &at.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn names(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

fn list(all: &[&str]) -> String {
    if all.is_empty() {
        "nothing".to_owned()
    } else {
        all.join(", ")
    }
}

/// Asks the expression of an empty scene, and it and its conditions of a full one.
///
/// # Errors
/// Why it cannot be answered, or that the answer is neither true nor false.
pub(super) fn try_out(program: &Program, words: &Words) -> Result<(), String> {
    let of_each = program.references().has_variable("track");
    let full = scene(words, &everybody(words));
    let mut parts = Vec::new();
    conditions(program.expression(), &mut parts);
    let asked = parts.iter().map(|part| (*part, full.resolve(part)));
    let empty = (!of_each).then(|| scene(words, &[]).resolve(program.expression()));
    let empty = empty.map(|answer| (program.expression(), answer));
    for (part, answer) in asked.chain(empty) {
        let column = program.source_info().offset_for(part.id);
        let place = column.map_or(0, |(start, _)| start) + 1;
        match answer {
            Ok(Value::Bool(_)) => {}
            Ok(other) => {
                let kind = other.type_of();
                return Err(format!(
                    "gives a {kind}, not true or false (column {place})"
                ));
            }
            Err(why) => return Err(format!("{why} (column {place})")),
        }
    }
    Ok(())
}

/// The whole, and whatever it joins by and, or, not: what the first decides is asked of none of the others.
fn conditions<'e>(of: &'e IdedExpr, found: &mut Vec<&'e IdedExpr>) {
    found.push(of);
    if let Expr::Call(call) = &of.expr
        && [
            operators::LOGICAL_AND,
            operators::LOGICAL_OR,
            operators::LOGICAL_NOT,
        ]
        .contains(&call.func_name.as_str())
    {
        call.args.iter().for_each(|part| conditions(part, found));
    }
}

/// An object of every class.
fn everybody(words: &Words) -> Vec<Track> {
    let rect = Rect {
        x: 0.4,
        y: 0.4,
        w: 0.2,
        h: 0.2,
    };
    let classes = u16::try_from(words.labels.len().max(1)).unwrap_or(u16::MAX);
    let track = |class: u16| Track {
        id: TrackId(u64::from(class) + 1),
        class: ClassId(class),
        seen_as: ClassId(class),
        score: 0.5,
        score_median: 0.5,
        rect,
        detected: rect,
        velocity: (0.1, 0.1),
        speed: None,
        displacement: 0.1,
        first_seen: Duration::ZERO,
        last_seen: Duration::from_secs(1),
        hits: 10,
        confirmed: true,
        seen: true,
    };
    (0..classes).map(track).collect()
}

/// A scene of these objects, in which all are in all zones.
fn scene<'v>(words: &Words, tracks: &[Track]) -> Context<'v, 'v> {
    let everywhere = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
    let corners = everywhere.map(|(x, y)| Point::new(x, y));
    let everywhere = Polygon::new(corners.to_vec()).into_iter();
    let zones: Vec<Polygon> = everywhere.cycle().take(words.zones.len()).collect();
    let at = Duration::from_secs(1);
    let mut memory = Memory::new(zones.len());
    memory.note(tracks, &zones, at);
    let views = tracks
        .iter()
        .map(|track| words.track(track, &memory, at, 1.0));
    let views: Vec<Value> = views.collect();
    let mut context = Context::with_env(Arc::clone(&LANGUAGE));
    context.add_variable_from_value("count", views.len() as i64);
    if let Some(first) = views.first() {
        context.add_variable_from_value("track", first.clone());
    }
    context.add_variable_from_value("tracks", views);
    context.add_variable_from_value("zones", words.zones(tracks, &zones, &memory, at));
    context
}
