//! An archive: its identity, its placement, and how its objects are found and fetched.
//!
//! Invariants:
//! - a name that was read once and is missing later belongs to a wider window now, or to nobody;
//! - a log object is never deleted, so the first name of the log that is free is the end of the
//!   archive;
//! - the commit in `head` is a lower bound. It may be behind, because a slow writer may write it late;
//!   then there are more log objects to look at, and windows that were removed, for which the wider
//!   ones are asked.

use std::sync::Arc;

use lithify::{Alignment, Commit, Placement};

use crate::ask::{Created, Port};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::names::{self, ARCHIVE, HEAD};
use crate::number::Number;
use crate::object::{self, Contents, Fixed, Header, Reached, Span};
use crate::piece::{self, Found, Piece, window_of};
use crate::plan::{self, Planned, Reach};

/// An archive. Cheap to clone; clones share the cache.
#[derive(Clone, Debug)]
pub struct Archive {
    id: Number,
    placement: Arc<Placement>,
    cache: Arc<Cache>,
}

impl Archive {
    /// Opens an archive, with a cache of `cache_bytes`. One request.
    ///
    /// # Errors
    /// [`Error::NoArchive`], and what [`Error`] says about objects.
    pub async fn open(port: &Port, cache_bytes: u64) -> Result<Self> {
        let bytes = port.get(ARCHIVE).await?;
        let bytes = bytes.ok_or_else(|| Error::NoArchive {
            name: ARCHIVE.to_owned(),
        })?;
        let (header, _) = object::decode(ARCHIVE, None, &bytes)?;
        match header.contents {
            Contents::Archive(fixed) => Ok(Self::of(header.archive, fixed.placement, cache_bytes)),
            other => Err(unfit(ARCHIVE, "the placement", &other)),
        }
    }

    /// Creates an archive with this identity and placement, or opens the one that is there. One to
    /// three requests.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub async fn create(
        port: &Port,
        id: Number,
        placement: &Placement,
        cache_bytes: u64,
    ) -> Result<Self> {
        match Self::open(port, cache_bytes).await {
            Err(Error::NoArchive { .. }) => {}
            opened => return opened,
        }
        let placement = placement.clone();
        let header = Header {
            name: ARCHIVE.to_owned(),
            archive: id,
            contents: Contents::Archive(Fixed {
                placement: placement.clone(),
            }),
        };
        match port.create(ARCHIVE, object::encode(&header, &[])).await? {
            Created::New => Ok(Self::of(id, placement, cache_bytes)),
            // By another writer, or by an attempt of this one whose reply was lost.
            Created::Exists => Self::open(port, cache_bytes).await,
        }
    }

    fn of(id: Number, placement: Placement, cache_bytes: u64) -> Self {
        Self {
            id,
            placement: Arc::new(placement),
            cache: Arc::new(Cache::new(cache_bytes)),
        }
    }

    /// The number that tells this archive from all others.
    #[must_use]
    pub fn id(&self) -> Number {
        self.id
    }

    /// The placement of the store.
    #[must_use]
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    pub(crate) fn alignment(&self) -> &Alignment {
        &self.placement.alignment
    }

    /// Looks for commits after those in `reach`: one request for `head`, one for each log object after
    /// it, and one for the name at which the log ends.
    ///
    /// # Errors
    /// [`Error::Mixed`] when a log object does not follow the one before it, and what [`Error`] says
    /// about objects.
    pub async fn look(&self, port: &Port, reach: &mut Reach) -> Result<()> {
        if let Some(bytes) = port.get(HEAD).await? {
            let (header, _) = object::decode(HEAD, Some(self.id), &bytes)?;
            let Contents::Head(reached) = header.contents else {
                return Err(unfit(HEAD, "a commit", &header.contents));
            };
            settle(reach, reached);
        }
        if planted!(HeadIsBelieved) && reach.head > Commit::ZERO {
            return Ok(());
        }
        while let Some(span) = self.next_of_log(port, reach).await? {
            let is_next = span.before.commit == reach.head && span.before.digest == reach.digest;
            if !is_next && !planted!(ChainUnchecked) {
                return Err(Error::Mixed {
                    name: names::log(reach.head.next()),
                    commit: reach.head,
                });
            }
            let window = window_of(self.alignment(), span);
            extend(reach, window.expect("decoding has checked it"), span.after);
        }
        Ok(())
    }

    /// The commits of the log object after `reach`.
    async fn next_of_log(&self, port: &Port, reach: &Reach) -> Result<Option<Span>> {
        let name = names::log(reach.head.next());
        let Some(bytes) = port.get(&name).await? else {
            return Ok(None);
        };
        match piece::decode(&name, self.id, self.alignment(), &bytes)? {
            Found::Moved(span) => Ok(Some(span)),
            Found::Piece(piece) => {
                let span = piece.span;
                self.cache.insert(&Arc::new(piece));
                Ok(Some(span))
            }
        }
    }

    /// The piece with the commits of this object: the object itself, or a wider window.
    ///
    /// # Errors
    /// [`Error::Missing`], and what [`Error`] says about objects.
    pub(crate) async fn fetch(&self, port: &Port, planned: &Planned) -> Result<Arc<Piece>> {
        if let Some(piece) = self.load(port, planned).await? {
            return Ok(piece);
        }
        if planted!(AbsentIsEmpty) && !planned.is_log {
            return Ok(Arc::new(Piece::without_commits(planned)));
        }
        for wider in plan::wider(self.alignment(), planned) {
            if let Some(piece) = self.load(port, &wider).await? {
                return Ok(piece);
            }
        }
        Err(Error::Missing {
            name: planned.name.clone(),
            first: planned.window.start.next(),
            last: planned.window.end,
        })
    }

    /// The piece in this object; `None` when the object is missing, or has its commits no longer.
    pub(crate) async fn load(&self, port: &Port, planned: &Planned) -> Result<Option<Arc<Piece>>> {
        if let Some(piece) = self.cache.get(&planned.name) {
            return Ok(Some(piece));
        }
        let Some(bytes) = port.get(&planned.name).await? else {
            return Ok(None);
        };
        let found = piece::decode(&planned.name, self.id, self.alignment(), &bytes)?;
        let piece = match found {
            Found::Piece(piece) => piece,
            Found::Moved(_) if planted!(MovedIsEmpty) => {
                return Ok(Some(Arc::new(Piece::without_commits(planned))));
            }
            Found::Moved(_) => return Ok(None),
        };
        let (start, end) = (planned.window.start, planned.window.end);
        if (piece.start(), piece.end()) != (start, end) && !planted!(NameUnchecked) {
            return Err(Error::Damage {
                name: planned.name.clone(),
                expected: format!("the commits {} to {end}", start.next()),
                found: format!("the commits {} to {}", piece.start().next(), piece.end()),
            });
        }
        let piece = Arc::new(piece);
        self.cache.insert(&piece);
        Ok(Some(piece))
    }

    /// Keeps a piece that was written.
    pub(crate) fn keep(&self, piece: Piece) {
        self.cache.insert(&Arc::new(piece));
    }

    /// Writes the object `head`.
    pub(crate) async fn put_head(&self, port: &Port, reached: Reached) -> Result<()> {
        let header = Header {
            name: HEAD.to_owned(),
            archive: self.id,
            contents: Contents::Head(reached),
        };
        port.put(HEAD, object::encode(&header, &[])).await
    }
}

fn unfit(name: &str, expected: &str, found: &Contents) -> Error {
    Error::Damage {
        name: name.to_owned(),
        expected: expected.to_owned(),
        found: format!("{found:?}"),
    }
}

/// Takes the commit in `head` into account.
fn settle(reach: &mut Reach, reached: Reached) {
    if reached.commit <= reach.settled {
        return;
    }
    reach.settled = reached.commit;
    reach.tail.retain(|window| window.start >= reached.commit);
    if reached.commit >= reach.head {
        reach.head = reached.commit;
        reach.digest = reached.digest;
    }
}

/// Adds a log object at the end.
pub(crate) fn extend(reach: &mut Reach, window: lithify::Window, after: Reached) {
    reach.tail.push(window);
    reach.head = after.commit;
    reach.digest = after.digest;
}
