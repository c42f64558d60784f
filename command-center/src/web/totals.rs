//! What cameras have counted, for traffic engineers and their tables.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use protocol::{Name, NodePath, Totals, Utc};
use serde::Deserialize;

use super::{Shared, refusal::Refused};
use crate::store::TotalsQuery;

#[derive(Deserialize)]
pub(super) struct Asked {
    camera: Option<String>,
    since: Option<Utc>,
    until: Option<Utc>,
}

type Node = Path<(Name, Name, Name)>;

pub(super) async fn totals(
    State(shared): State<Shared>,
    node: Node,
    Query(asked): Query<Asked>,
) -> Result<Json<Vec<Totals>>, Refused> {
    Ok(Json(shared.store.totals(query(node, asked)).await?))
}

/// One line a stretch, rule and class: a stretch in which nobody crossed has one with no class.
pub(super) async fn csv(
    State(shared): State<Shared>,
    node: Node,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let totals = shared.store.totals(query(node, asked)).await?;
    let mut table =
        "camera,from,until,seconds,analysed_s,rule,kind,opened,suppressed,class,forward,backward\n"
            .to_owned();
    totals.iter().for_each(|one| rows(one, &mut table));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"totals.csv\"",
        ),
    ];
    Ok((headers, table).into_response())
}

fn query(Path((region, site, node)): Node, asked: Asked) -> TotalsQuery {
    TotalsQuery {
        node: NodePath { region, site, node },
        camera: asked.camera,
        since: asked.since.unwrap_or(Utc::MIN),
        until: asked.until.unwrap_or(Utc::MAX),
    }
}

fn rows(of: &Totals, table: &mut String) {
    for rule in &of.rules {
        let told = format!(
            "{},{},{},{:.3},{:.3},{},{},{},{}",
            quoted(of.camera.as_str()),
            of.from,
            of.until,
            of.seconds,
            of.analysed_s,
            quoted(rule.rule.id.as_str()),
            quoted(rule.rule.kind.as_str()),
            rule.opened,
            rule.suppressed
        );
        if rule.crossings.is_empty() {
            table.push_str(&format!("{told},,0,0\n"));
        }
        for crossed in &rule.crossings {
            let class = quoted(&crossed.class);
            let (forward, backward) = (crossed.forward, crossed.backward);
            table.push_str(&format!("{told},{class},{forward},{backward}\n"));
        }
    }
}

/// A field as RFC 4180 writes it. One that a spreadsheet would take for a formula is kept from being one.
fn quoted(text: &str) -> String {
    let text = text.replace('"', "\"\"");
    let formula = text.starts_with(['=', '+', '-', '@']);
    let guard = if formula { "'" } else { "" };
    format!("\"{guard}{text}\"")
}
