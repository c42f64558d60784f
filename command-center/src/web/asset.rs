//! The console's own files, built by Vite and embedded in the program.

use axum::{
    http::{StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "console/dist"]
struct Console;

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Console not built</title>
<h1>The console is not built into this program</h1>
<p>Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>command-center/console</code>, then build the
program again. The interface below <code>/api</code> works without it.</p></html>";

/// Is there a file of that path; `/` always answers.
pub(super) fn is_one(path: &str) -> bool {
    path == "/" || Console::get(path.trim_start_matches('/')).is_some()
}

pub(super) async fn serve(uri: Uri) -> Response {
    let name = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let Some(file) = Console::get(name) else {
        return match name {
            "index.html" => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
            _ => StatusCode::NOT_FOUND.into_response(),
        };
    };
    // Vite puts a hash of the content into the names below assets/
    let caching = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (header::CONTENT_TYPE, content_type(name)),
        (header::CACHE_CONTROL, caching),
    ];
    (headers, file.data).into_response()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}
