//! Whether a bundle of evidence is as a node signed it: works without a node, a network or a configuration.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use protocol::{PinnedKey, custody};

/// Check a bundle of evidence: every byte, every item, and their order
#[derive(clap::Args)]
pub struct VerifyArgs {
    /// The bundle, a tar file
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Public key of the node, as it was noted before; may be given more than once
    #[arg(long, value_name = "ed25519:BASE64")]
    key: Vec<PinnedKey>,
}

/// Says on standard output what a bundle proves, or what is wrong with it first. Exit code 1 if anything is.
///
/// # Errors
/// If the file cannot be read.
pub fn verify(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let place = args.bundle.display();
    let file = fs::read(&args.bundle).with_context(|| format!("{place}: cannot be read"))?;
    let mut out = io::stdout().lock();
    let found = match custody::verify(&file, &args.key) {
        Ok(found) => found,
        Err(wrong) => {
            writeln!(out, "{place}: {wrong}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let custody::Head { key, node, .. } = &found.head;
    if !args.key.is_empty() && !found.known_key {
        writeln!(
            out,
            "{place}: is signed by {key}, which is none of the keys given"
        )?;
        return Ok(ExitCode::FAILURE);
    }
    writeln!(
        out,
        "{place}: whole: incident {} of {node}, {} items in {} manifests, bundled {}",
        found.head.incident, found.items, found.head.manifests, found.head.made
    )?;
    for item in &found.missing {
        writeln!(out, "it says that it lacks {item}")?;
    }
    writeln!(out, "it was put together by {}", found.head.signer)?;
    if args.key.is_empty() {
        writeln!(
            out,
            "the key is the bundle's own word: compare {key} with what the node shows, or give --key"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
