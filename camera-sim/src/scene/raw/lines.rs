//! Where in a scene file a key stands, so that a problem found after reading can name its line.

use std::path::Path;

use crate::scene::SceneError;

/// The error for `problems`, each of which begins with its key, as in `actors[2].speed (name): must be ...`.
pub(in crate::scene) fn refusal(file: &Path, text: &str, problems: Vec<String>) -> SceneError {
    let placed = problems.into_iter().map(|p| match line(text, &p) {
        Some(line) => format!("{}:{line}: {p}", file.display()),
        None => format!("{}: {p}", file.display()),
    });
    SceneError::Check(placed.collect())
}

/// Line of the key with which `problem` begins: of the key itself, or else of its table's header.
fn line(text: &str, problem: &str) -> Option<usize> {
    let place = problem.split([' ', ':']).next()?;
    let (table, key) = place.split_once('.').unwrap_or(("", place));
    let mut lines = text.lines().enumerate().map(|(i, l)| (i + 1, l.trim()));
    let mut found = None;
    if let Some((name, index)) = table.trim_end_matches(']').split_once('[') {
        let header = format!("[[{name}]]");
        let mut headers = lines.by_ref().filter(|(_, l)| l.starts_with(&header));
        found = Some(headers.nth(index.parse().ok()?)?.0);
    } else if !table.is_empty() {
        let header = format!("[{table}]");
        found = Some(lines.by_ref().find(|(_, l)| l.starts_with(&header))?.0);
    }
    let says = |l: &str| {
        l.strip_prefix(key)
            .is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    lines
        .take_while(|(_, l)| !l.starts_with('['))
        .find(|(_, l)| says(l))
        .map(|(i, _)| i)
        .or(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "seed = 1\n[camera]\nheight = 6\n\n[[actors]]\nname = \"a\"\n[[actors]]\nname = \"b\"\nspeed = 3\n";

    #[test]
    fn the_key_is_found_in_its_own_table() {
        assert_eq!(line(TEXT, "seed: odd"), Some(1));
        assert_eq!(line(TEXT, "camera.height: low"), Some(3));
        assert_eq!(line(TEXT, "actors[1].speed (b): fast"), Some(9));
        assert_eq!(line(TEXT, "actors[0].speed (a): missing"), Some(5));
        assert_eq!(line(TEXT, "actors[2].speed (c): not there"), None);
        assert_eq!(line(TEXT, "fps: missing"), None);
    }
}
