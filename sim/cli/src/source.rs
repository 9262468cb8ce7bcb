//! What a command reads: a store in a directory, or an archive of one.

use clap::Args;
use lithify::read::{KeyRange, KeyVersion};
use lithify::{Commit, Slice};
use lithify_archive::Reader;
use lithify_sim::cli::exit::Outcome;

use super::archive::{failure, place};
use super::store::{AtArgument, KeyspaceArgument, StoreArgument, check_keyspace};
use std::path::PathBuf;

/// Which store, or which archive.
#[derive(Args, Clone, Debug)]
pub(crate) struct SourceArgument {
    /// The directory of the store
    #[arg(
        long = "store",
        value_name = "DIRECTORY",
        required_unless_present = "archive"
    )]
    path: Option<PathBuf>,
    /// Read an archive instead, without its store: see `lithify archive`
    #[arg(long, value_name = "PLACE", conflicts_with_all = ["path", "damaged"])]
    archive: Option<String>,
    /// Read the undamaged parts of a damaged store. Standard error names each damaged part;
    /// a read that needs one exits with 5. Nothing is written
    #[arg(long)]
    damaged: bool,
}

/// A store or an archive as of one commit.
pub(crate) enum Source {
    Store(lithify::Snapshot),
    /// An archive, with its place.
    Archive(lithify_archive::Snapshot, String),
}

/// Keys and values in key order.
pub(crate) type Pairs = Box<dyn DoubleEndedIterator<Item = Outcome<(Slice, Slice)>>>;

impl SourceArgument {
    /// Opens the store or the archive as of a commit. In a store, checks that the keyspace exists; in an
    /// archive that would read all of it, so an unknown keyspace is an empty one.
    pub(crate) fn open(&self, keyspace: &KeyspaceArgument, at: Option<u64>) -> Outcome<Source> {
        if let Some(name) = &self.archive {
            let failed = |error| failure(error, name);
            let reader = Reader::open(place(name)?).map_err(failed)?;
            let at = at.map_or(reader.head(), Commit::new);
            let snapshot = reader.snapshot_at(at).map_err(failed)?;
            return Ok(Source::Archive(snapshot, name.clone()));
        }
        let path = self.path.clone().expect("one of both is required");
        let store = StoreArgument { path }.open_perhaps_damaged(self.damaged)?;
        check_keyspace(&store, &keyspace.keyspace)?;
        Ok(Source::Store(AtArgument { at }.snapshot(&store)?))
    }
}

impl Source {
    /// The commit.
    pub(crate) fn commit(&self) -> Commit {
        match self {
            Self::Store(snapshot) => snapshot.commit(),
            Self::Archive(snapshot, _) => snapshot.commit(),
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, keyspace: &str, key: &[u8]) -> Outcome<Option<Slice>> {
        match self {
            Self::Store(snapshot) => Ok(snapshot.get(keyspace, key)?),
            Self::Archive(snapshot, place) => {
                let value = snapshot.get(keyspace, key);
                value.map_err(|error| failure(error, place))
            }
        }
    }

    /// The keys inside a range that have a value.
    pub(crate) fn range(&self, keyspace: &str, range: KeyRange) -> Outcome<Pairs> {
        match self {
            Self::Store(snapshot) => {
                let pairs = snapshot.range(keyspace, range)?;
                Ok(Box::new(pairs.map(|pair| Ok(pair?))))
            }
            Self::Archive(snapshot, place) => {
                let pairs = snapshot.range(keyspace, &range);
                let pairs = pairs.map_err(|error| failure(error, place))?;
                Ok(Box::new(pairs.into_iter().map(Ok)))
            }
        }
    }

    /// The versions of a key, oldest first.
    pub(crate) fn history(&self, keyspace: &str, key: &[u8]) -> Outcome<Vec<KeyVersion>> {
        match self {
            Self::Store(snapshot) => Ok(snapshot.history(keyspace, key)?),
            Self::Archive(snapshot, place) => {
                let versions = snapshot.history(keyspace, key);
                versions.map_err(|error| failure(error, place))
            }
        }
    }
}
