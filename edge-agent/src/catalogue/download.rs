//! One file from one address: try after try, until it is whole or there is no use in going on.

use std::{
    io::{self, Read},
    path::Path,
    thread,
    time::Instant,
};

use super::{
    client::{Answer, Client, Failure},
    entry::Entry,
    fetch::FetchError,
    install::{InstallError, bytes, free_space},
    part::{Origin, Part},
    progress::Progress,
};

/// What a Git LFS pointer begins with: what a repository's plain address gives in place of the file.
pub(super) const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A download at work.
pub(super) struct Download<'d> {
    client: &'d Client,
    address: &'d str,
    entry: &'d Entry,
    target: &'d Path,
    part: Part,
    /// Whether the part has bytes of an earlier process or of a connection that broke off.
    pieced: bool,
}

/// How a try ended that did not bring the whole file.
enum Broken {
    Off(Failure),
    Disk(InstallError),
}

impl<'d> Download<'d> {
    /// # Errors
    /// Where the part cannot be opened, or the disk has no room for the rest.
    pub(super) fn new(
        client: &'d Client,
        address: &'d str,
        entry: &'d Entry,
        target: &'d Path,
    ) -> Result<Self, FetchError> {
        let part = Part::open(target).map_err(InstallError::at(target))?;
        let folder = target.parent().unwrap_or(Path::new("."));
        let free = free_space(folder).map_err(InstallError::at(folder))?;
        let needed = entry.size.saturating_sub(part.length());
        if free < needed {
            return Err(FetchError::NoSpace {
                path: folder.to_owned(),
                needed,
                free,
            });
        }
        Ok(Download {
            pieced: part.length() > 0,
            client,
            address,
            entry,
            target,
            part,
        })
    }

    /// Goes on until the file is in place.
    ///
    /// # Errors
    /// As [`FetchError`] says. Bytes that may be right are kept for the next time.
    pub(super) fn run(mut self, progress: &mut Progress) -> Result<(), FetchError> {
        if self.part.length() > 0 {
            let here = bytes(self.part.length());
            progress.say(&format!("going on after {here}"));
        }
        let done = self.complete(progress);
        let at_target = InstallError::at(self.target);
        match done {
            Ok(()) => Ok(self.part.finish(self.target).map_err(at_target)?),
            Err(e) => {
                if self.part.length() == 0 {
                    self.part.discard().map_err(at_target)?;
                }
                Err(e)
            }
        }
    }

    /// Goes on until the part is the file, or cannot be: pieces that do not belong together are thrown away once.
    fn complete(&mut self, progress: &mut Progress) -> Result<(), FetchError> {
        let expected = &self.entry.manifest.sha256;
        let mut again = true;
        loop {
            self.fill(progress)?;
            let found = self.part.sha256().map_err(InstallError::at(self.target))?;
            if found == *expected {
                return Ok(());
            }
            (self.part.start_over()).map_err(InstallError::at(self.target))?;
            if !self.pieced || !again {
                return Err(FetchError::Hash {
                    address: self.address.to_owned(),
                    expected: expected.clone(),
                    found,
                });
            }
            progress.say("the pieces do not belong together: starting over");
            (self.pieced, again) = (false, false);
        }
    }

    /// Goes on until there are as many bytes as there should be.
    fn fill(&mut self, progress: &mut Progress) -> Result<(), FetchError> {
        let patience = &self.client.patience;
        let (mut best, mut failures) = (self.part.length(), 0);
        while self.part.length() != self.entry.size {
            let why = match self.attempt(progress) {
                Ok(()) => continue,
                Err(Broken::Disk(e)) => return Err(e.into()),
                Err(Broken::Off(Failure::Final(why))) => {
                    let address = self.address.to_owned();
                    return Err(FetchError::Refused { address, why });
                }
                Err(Broken::Off(Failure::NoRest(why))) => {
                    (self.part.start_over()).map_err(InstallError::at(self.target))?;
                    why
                }
                Err(Broken::Off(Failure::Passing(why))) => why,
            };
            if self.part.length() > best {
                (best, failures) = (self.part.length(), 0);
            }
            let Some(pause) = patience.pauses.get(failures) else {
                return Err(FetchError::GaveUp {
                    address: self.address.to_owned(),
                    why,
                    tries: failures + 1,
                    kept: self.part.length(),
                });
            };
            failures += 1;
            progress.say(&format!("{why}; trying again in {pause:?}"));
            thread::sleep(*pause);
            self.pieced |= self.part.length() > 0;
        }
        Ok(())
    }

    /// One request, and what it brings.
    fn attempt(&mut self, progress: &mut Progress) -> Result<(), Broken> {
        if self.part.length() > self.entry.size {
            self.start_over()?;
        }
        let validator = self.part.validator(self.address);
        let answer = self.client.get(self.address, self.part.length(), validator);
        let mut answer = answer.map_err(Broken::Off)?;
        if answer.total.is_some_and(|total| total != self.entry.size) {
            return Err(Broken::Off(self.other_size(&mut answer)));
        }
        if answer.from < self.part.length() {
            // It does not know parts, or has another file by now.
            progress.say("the server sends it from its beginning");
            self.start_over()?;
            self.pieced = false;
        }
        let origin = Origin {
            address: self.address.to_owned(),
            validator: answer.validator.take(),
        };
        (self.part.set_origin(origin)).map_err(|e| self.disk(e))?;
        progress.begin(self.part.length());
        self.pour(&mut *answer.body, progress)?;
        self.check_end(&answer.kind)
    }

    fn pour(&mut self, body: &mut dyn Read, progress: &mut Progress) -> Result<(), Broken> {
        let patience = &self.client.patience;
        let size = self.entry.size;
        let mut buffer = vec![0; 64 * 1024];
        let mut window = (Instant::now(), self.part.length());
        loop {
            let n = match body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(Broken::Off(self.client.cut(&e))),
            };
            if self.part.length() + n as u64 > size {
                self.start_over()?;
                let text = format!("it sends more than the {} of the catalogue", bytes(size));
                return Err(Broken::Off(Failure::Final(text)));
            }
            let got = buffer.get(..n).unwrap_or_default();
            self.part.append(got).map_err(|e| self.disk(e))?;
            progress.at(self.part.length(), size);
            if window.0.elapsed() >= patience.idle {
                let came = self.part.length() - window.1;
                if came < patience.least && self.part.length() < size {
                    let text = format!("only {} came in {:?}", bytes(came), patience.idle);
                    return Err(Broken::Off(Failure::Passing(text)));
                }
                window = (Instant::now(), self.part.length());
            }
        }
    }

    /// A body ended by itself: is that the end of the file?
    fn check_end(&mut self, kind: &str) -> Result<(), Broken> {
        if self.part.length() == self.entry.size {
            return Ok(());
        }
        let most = LFS_POINTER.len() as u64;
        let beginning = self.part.beginning(most).map_err(|e| self.disk(e))?;
        if beginning == LFS_POINTER {
            self.start_over()?;
            return Err(Broken::Off(Failure::Final(pointer())));
        }
        let (length, size) = (self.part.length(), self.entry.size);
        let text = match kind.starts_with("text/") {
            true => format!("it sent {kind} in place of the file"),
            false => format!("it ended after {} of {}", bytes(length), bytes(size)),
        };
        Err(Broken::Off(Failure::Passing(text)))
    }

    /// What it means that the file there has another size.
    fn other_size(&self, answer: &mut Answer) -> Failure {
        let mut beginning = Vec::new();
        let most = LFS_POINTER.len() as u64;
        // Only for the text: without a beginning it is told less well.
        let read = answer.body.by_ref().take(most).read_to_end(&mut beginning);
        if answer.from == 0 && read.is_ok() && beginning == LFS_POINTER {
            return Failure::Final(pointer());
        }
        let found = answer.total.unwrap_or_default();
        let kind = match answer.kind.is_empty() {
            true => String::new(),
            false => format!(" of {}", answer.kind),
        };
        Failure::Final(format!(
            "it has {found} bytes{kind}, the catalogue expects {}: it is another file",
            self.entry.size
        ))
    }

    fn start_over(&mut self) -> Result<(), Broken> {
        self.part.start_over().map_err(|e| self.disk(e))
    }

    fn disk(&self, error: io::Error) -> Broken {
        Broken::Disk(InstallError::at(self.target)(error))
    }
}

fn pointer() -> String {
    "this is a Git LFS pointer and not the model: the address must be the one that hands out LFS files (of GitHub: \
     media.githubusercontent.com/media/OWNER/REPOSITORY/BRANCH/PATH)"
        .to_owned()
}
