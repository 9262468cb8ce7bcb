//! Which of the two stores is the primary, by the names of the files in their
//! directories.
//!
//! A directory with the marker of a replica holds a replica. A manifest without the
//! marker makes a primary. If both directories have the marker, an exchange of roles
//! was interrupted before the promotion, and both stores hold the same commits.

use std::io::ErrorKind;
use std::sync::Arc;

use lithify::files::{FileKind, REPLICA, parse_file_name};
use lithify::fs::Fs;
use lithify::{Options, Replica, Store};

use super::{PLACES, inside};
use crate::system::Failure;
use crate::systems::lithify::failure;

/// The content of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing.
    Nothing,
    /// Files without a manifest: no commit can have been made there.
    Remains,
    Primary,
    Replica,
}

/// Lists a directory, once.
fn find(fs: &dyn Fs, place: &str) -> Result<Found, Failure> {
    let names = match fs.list(place) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        listed => listed.map_err(failed("list", place))?,
    };
    let has = |is_meant: fn(&str) -> bool| names.iter().any(|name| is_meant(name));
    Ok(if has(|name| name == REPLICA) {
        Found::Replica
    } else if has(|name| matches!(parse_file_name(name), Some((FileKind::Manifest, _)))) {
        Found::Primary
    } else if names.is_empty() {
        Found::Nothing
    } else {
        Found::Remains
    })
}

fn failed<E: std::fmt::Display>(verb: &str, place: &str) -> impl Fn(E) -> Failure {
    move |error| Failure::Disk(format!("cannot {verb} {place}: {error}"))
}

/// An open pair, and the directories of primary and replica.
pub(super) struct Opened {
    pub(super) places: [&'static str; 2],
    pub(super) stores: (Store, Replica),
}

/// Opens both stores in the roles that their directories say, and finishes an
/// interrupted exchange of roles. Two primaries are refused as damage. Only a lying
/// disk may lose a marker; on any other disk, the laboratory objects to the refusal.
pub(super) fn open(fs: &Arc<dyn Fs>, options: &Options) -> Result<Opened, Failure> {
    let [one, two] = PLACES;
    let found = [find(&**fs, one)?, find(&**fs, two)?];
    let places = match found[0] {
        Found::Replica => [two, one],
        _ => [one, two],
    };
    match found {
        [Found::Replica, Found::Replica] => finish_exchange(fs, options, places)?,
        [Found::Primary | Found::Remains, Found::Primary] => {
            return Err(Failure::Damage("both stores are primaries".to_owned()));
        }
        _ => {}
    }
    let [primary, replica] = places;
    let primary = Store::open(inside(fs, primary), options.clone()).map_err(failure)?;
    let replica = Replica::open(inside(fs, replica), options.clone()).map_err(failure)?;
    let stores = (primary, replica);
    Ok(Opened { places, stores })
}

/// Promotes the first of two replicas.
fn finish_exchange(
    fs: &Arc<dyn Fs>,
    options: &Options,
    [one, other]: [&'static str; 2],
) -> Result<(), Failure> {
    let open = |place| Replica::open(inside(fs, place), options.clone()).map_err(failure);
    let (one, other) = (open(one)?, open(other)?);
    let (head, other_head) = (one.store().head(), other.store().head());
    if head != other_head {
        return Err(Failure::Damage(format!(
            "both stores are replicas, one with commit {head}, the other with {other_head}"
        )));
    }
    let primary = one.promote().map_err(failure)?;
    primary.close().map_err(failure)
}
