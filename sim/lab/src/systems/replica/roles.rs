//! Which of the two stores is the primary, by the names of the files in their places.
//!
//! A place with the marker of a replica holds one; a manifest without it makes a primary.
//! When both are marked, an exchange of roles was interrupted before the promotion, and
//! both hold the same commits.

use std::io::ErrorKind;
use std::sync::Arc;

use lithify::files::{FileKind, REPLICA, parse_file_name};
use lithify::fs::Fs;
use lithify::{Options, Replica, Store};

use super::{PLACES, inside};
use crate::system::Failure;
use crate::systems::lithify::failure;

/// What is found in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing.
    Nothing,
    /// Files without a manifest: nobody can have committed there.
    Remains,
    Primary,
    Replica,
}

/// Lists a place, once.
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

/// An open pair, and the places of primary and replica.
pub(super) struct Opened {
    pub(super) places: [&'static str; 2],
    pub(super) stores: (Store, Replica),
}

/// Opens both stores in the roles that their places say, and finishes an exchange of roles
/// that was interrupted. Two primaries are refused as damage: only a disk that lies about
/// syncs may lose a marker, and on any other the laboratory objects all the same.
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
