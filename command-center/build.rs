//! Makes sure that the folder of the built console is there, so that the crate compiles without it, and that a newly
//! built console is embedded. It runs no npm: the Makefile does.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let dist = Path::new("console/dist");
    fs::create_dir_all(dist)?;
    // a line for Cargo, which reads a build script's standard output
    io::Write::write_all(
        &mut io::stdout(),
        b"cargo::rerun-if-changed=console/dist\ncargo::rerun-if-changed=build.rs\n",
    )
}
