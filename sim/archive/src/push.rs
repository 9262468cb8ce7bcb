//! Writing to an archive: log objects first, then windows, then the object `head`.
//!
//! Invariants:
//! - a commit is acknowledged when the log object with it was created under its name by this writer.
//!   The name is that of the next commit, so of two writers one is refused, and says so;
//! - the reply may be lost. Then the object is read, and the number of its writer tells whose it is;
//! - log objects are created one after another, so the log has no gaps;
//! - a window is written from objects of the archive only, so all writers write the same window;
//! - `head` moves forward only when every window of its layout is written. It may be written late, by
//!   a slow writer, and then moves back: it is a lower bound, and not a pointer;
//! - a writer appends only to the history that it has itself.
//!
//! Memory: the commits of the widest window that closes, and the cache.

use lithify::read::CommitChanges;
use lithify::{Commit, Window};

use crate::archive::{Archive, extend};
use crate::ask::{Created, Port};
use crate::error::{Error, Result};
use crate::names;
use crate::number::Number;
use crate::object::{Reached, Span};
use crate::piece::{self, Piece, span_of};
use crate::plan::{self, Planned, Reach};
use crate::read::View;

/// A writer of an archive.
#[derive(Debug)]
pub struct Writer {
    archive: Archive,
    reach: Reach,
    /// A number that no other writer has.
    token: Number,
}

impl Writer {
    /// A writer that continues an archive. `token` must be drawn anew for each writer. The requests
    /// are those of [`Archive::look`].
    ///
    /// # Errors
    /// As [`Archive::look`].
    pub async fn open(port: &Port, archive: Archive, token: Number) -> Result<Self> {
        let mut reach = Reach::default();
        archive.look(port, &mut reach).await?;
        Ok(Self {
            archive,
            reach,
            token,
        })
    }

    /// What the archive holds.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The archive.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Archives some of these commits, which follow the newest commit of the archive, as one object:
    /// as many as the widest window holds that begins there. Returns their number, at least 1: they
    /// are acknowledged. One request; one more when the name is taken.
    ///
    /// # Errors
    /// [`Error::Raced`] when another writer was faster; a gap or a difference of the histories as
    /// [`Error::Store`]; [`Error::NoReply`]; and what [`Error`] says about objects.
    pub async fn push(&mut self, port: &Port, commits: &[CommitChanges]) -> Result<usize> {
        let (first, last) = self.check(commits)?;
        let window = plan::next_window(self.archive.alignment(), self.reach.head, last);
        let count = usize::try_from(window.width()).expect("no wider than the commits at hand");
        let commits = &commits[..count];
        let name = names::log(first);
        let bytes = piece::encode(&name, self.archive.id(), Some(self.token), commits)?;
        let span = span_of(commits);
        if planted!(FenceOverwrites) {
            port.put(&name, bytes).await?;
        } else if port.create(&name, bytes).await? == Created::Exists && !planted!(FenceTaken) {
            self.must_be_own(port, &Planned::log(window), span).await?;
        }
        let writer = Some(self.token);
        self.archive
            .keep(Piece::of(&name, span, writer, commits.to_vec()));
        extend(&mut self.reach, window, span.after);
        Ok(count)
    }

    /// Refuses commits that do not follow the archive.
    fn check(&self, commits: &[CommitChanges]) -> Result<(Commit, Commit)> {
        let (Some(first), Some(last)) = (commits.first(), commits.last()) else {
            panic!("a push has at least one commit")
        };
        let head = self.reach.head;
        if first.commit != head.next() {
            return Err(Error::Store(lithify::Error::Gap {
                expected: head.next(),
                found: first.commit,
            }));
        }
        if Number(first.before.digest) != self.reach.digest && !planted!(OtherPastAccepted) {
            return Err(Error::Store(lithify::Error::Diverged {
                first: Commit::new(1),
                last: head,
            }));
        }
        Ok((first.commit, last.commit))
    }

    /// Refuses a log object that another writer has created.
    async fn must_be_own(&self, port: &Port, planned: &Planned, span: Span) -> Result<()> {
        let loaded = self.archive.load(port, planned).await;
        let is_own = match loaded {
            Ok(Some(piece)) => {
                let is_own = piece.writer == Some(self.token) || planted!(TokenIgnored);
                piece.span == span && is_own
            }
            // The commits of this writer would not be in a wider window yet.
            Ok(None) => false,
            // A damaged or wider object is no object of this writer.
            Err(Error::Damage { .. }) => false,
            Err(error) => return Err(in_doubt(error)),
        };
        match is_own {
            true => Ok(()),
            false => Err(Error::Raced {
                commit: planned.window.start.next(),
                name: planned.name.clone(),
            }),
        }
    }

    /// Writes the windows that are missing, and then `head`. Returns the number of windows. For each
    /// window one request, and one for each object inside it that is not in the cache; one request for
    /// `head`. None if there is nothing to do.
    ///
    /// # Errors
    /// [`Error::Mixed`], [`Error::TooLarge`], and what [`Error`] says about objects.
    pub async fn settle(&mut self, port: &Port) -> Result<u64> {
        let Reach { settled, head, .. } = self.reach;
        if settled == head {
            return Ok(0);
        }
        let reached = Reached {
            commit: head,
            digest: self.reach.digest,
        };
        if planted!(HeadBeforeWindows) {
            self.archive.put_head(port, reached).await?;
        }
        let missing = plan::missing_windows(self.archive.alignment(), settled, head);
        let count = missing.len() as u64;
        for window in missing {
            self.write(port, window).await?;
        }
        if !planted!(HeadBeforeWindows) {
            self.archive.put_head(port, reached).await?;
        }
        self.reach.settled = head;
        self.reach.tail.clear();
        Ok(count)
    }

    async fn write(&self, port: &Port, window: Window) -> Result<()> {
        let view = View::new(&self.archive, &self.reach, window.end)?;
        let mut changes = view.changes_since(window.start);
        let mut commits = Vec::new();
        while let Some(more) = changes.next(port).await? {
            commits.extend(more);
        }
        let planned = Planned::window(window);
        let bytes = piece::encode(&planned.name, self.archive.id(), None, &commits)?;
        let span = span_of(&commits);
        match port.create(&planned.name, bytes).await? {
            Created::New => self
                .archive
                .keep(Piece::of(&planned.name, span, None, commits)),
            // By another writer, or by an earlier attempt. It must be the same.
            Created::Exists => match self.archive.load(port, &planned).await? {
                Some(piece) if piece.span != span => {
                    return Err(Error::Mixed {
                        name: planned.name,
                        commit: window.end,
                    });
                }
                // A trim may have removed it since.
                _ => {}
            },
        }
        Ok(())
    }
}

/// The error after a creation that may have happened.
fn in_doubt(error: Error) -> Error {
    match error {
        Error::NoReply {
            verb,
            name,
            attempts,
            reason,
            ..
        } => Error::NoReply {
            verb,
            name,
            attempts,
            is_in_doubt: true,
            reason,
        },
        Error::Failed { verb, name, reason } => Error::NoReply {
            verb,
            name,
            attempts: 1,
            is_in_doubt: true,
            reason,
        },
        other => other,
    }
}
