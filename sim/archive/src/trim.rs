//! Removing what a wider window holds, too.
//!
//! Invariants:
//! - every commit stays readable: nothing is removed before a wider window with the same commits was
//!   read and every byte of it checked;
//! - a log object is never deleted, because a slow writer could then create its name again. It is
//!   replaced by an object without commits, which keeps the name taken;
//! - a list may be out of date. It only says where to look: a window that it names and that is gone
//!   removes nothing, and what it leaves out is found by the next trim.
//!
//! A trim never removes history. An archive keeps every commit.

use lithify::{Commit, Window};
use serde::Serialize;

use crate::archive::Archive;
use crate::ask::{Listed, Port};
use crate::error::{Error, Result};
use crate::names::{self, LOG, Name, WINDOW};
use crate::piece::{self, Found, Piece};
use crate::plan::{self, Cover, Planned};

/// A log object of this many bytes or less stays as it is: it is hardly larger than the object that
/// would replace it.
pub const MIN_BYTES: u64 = 1024;

/// The result of a trim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trimmed {
    /// Windows that were deleted.
    pub windows: u64,
    /// Log objects whose commits were removed.
    pub logs: u64,
    /// The bytes of both.
    pub bytes: u64,
}

impl Archive {
    /// Removes the windows inside wider windows, and the commits of log objects larger than
    /// `min_bytes` inside windows. Two lists, and for each window that holds others one request,
    /// for each deleted window one, for each log object two.
    ///
    /// # Errors
    /// [`Error::Mixed`] when an object and the window around it disagree, and what [`Error`] says about
    /// objects. What was removed before is in a wider window.
    pub async fn trim(&self, port: &Port, min_bytes: u64) -> Result<Trimmed> {
        let listed = port.list(WINDOW).await?;
        let logs = port.list(LOG).await?;
        let windows: Vec<Window> = listed.iter().filter_map(|it| self.window_of(it)).collect();
        let large = |listed: &&Listed| listed.bytes > min_bytes;
        let firsts: Vec<Commit> = logs.iter().filter(large).filter_map(first_of).collect();
        let mut covers = plan::covers(&windows, &firsts);
        if planted!(TrimByHead) {
            let last = firsts.last().copied().unwrap_or_default();
            covers = plan::covers(&self.alignment().layout_at(last), &firsts);
            covers.retain(|cover| cover.window.level > 0);
        }
        let mut trimmed = Trimmed::default();
        for cover in covers {
            let Some(proof) = self.proof(port, &cover).await? else {
                continue;
            };
            for window in &cover.windows {
                let name = names::window(*window);
                port.delete(&name).await?;
                trimmed.windows += 1;
                trimmed.bytes += bytes_of(&listed, &name);
            }
            for first in &cover.logs {
                let name = names::log(*first);
                if self.move_log(port, &name, &proof).await? {
                    trimmed.logs += 1;
                    trimmed.bytes += bytes_of(&logs, &name);
                }
            }
        }
        Ok(trimmed)
    }

    fn window_of(&self, listed: &Listed) -> Option<Window> {
        match names::parse(&listed.name)? {
            Name::Window(level, end) => names::window_of(self.alignment(), level, end),
            _ => None,
        }
    }

    /// The window, read from the store: an object in the cache proves nothing about the store.
    async fn proof(&self, port: &Port, cover: &Cover) -> Result<Option<Piece>> {
        let planned = Planned::window(cover.window);
        if is_credulous() {
            return Ok(Some(Piece::without_commits(&planned)));
        }
        let Some(bytes) = port.get(&planned.name).await? else {
            return Ok(None);
        };
        match piece::decode(&planned.name, self.id(), self.alignment(), &bytes)? {
            Found::Piece(piece)
                if piece::window_of(self.alignment(), piece.span) == Some(cover.window) =>
            {
                Ok(Some(piece))
            }
            other => Err(Error::Damage {
                name: planned.name,
                expected: format!("the window {}", cover.window),
                found: format!("{:?}", other.span()),
            }),
        }
    }

    /// Replaces a log object by one without commits. False if it has none already.
    async fn move_log(&self, port: &Port, name: &str, proof: &Piece) -> Result<bool> {
        if planted!(LogDeleted) {
            port.delete(name).await?;
            return Ok(true);
        }
        let Some(bytes) = port.get(name).await? else {
            return Ok(false);
        };
        let Found::Piece(log) = piece::decode(name, self.id(), self.alignment(), &bytes)? else {
            return Ok(false);
        };
        let ends = [log.span.before, log.span.after];
        let is_same = |end: crate::object::Reached| proof.digest_at(end.commit) == Some(end.digest);
        if !ends.into_iter().all(is_same) && !is_credulous() {
            return Err(Error::Mixed {
                name: name.to_owned(),
                commit: log.end(),
            });
        }
        let moved = piece::encode_moved(name, self.id(), log.span);
        port.put(name, moved).await?;
        Ok(true)
    }
}

/// Whether one of two planted bugs is on, by which a trim reads no window before it removes.
fn is_credulous() -> bool {
    if planted!(TrimUnproven) {
        return true;
    }
    planted!(TrimByHead)
}

fn first_of(listed: &Listed) -> Option<Commit> {
    match names::parse(&listed.name)? {
        Name::Log(first) => Some(first),
        _ => None,
    }
}

/// The length of a listed object. The list is sorted.
fn bytes_of(listed: &[Listed], name: &str) -> u64 {
    let place = listed.binary_search_by(|it| it.name.as_str().cmp(name));
    place.map_or(0, |place| listed[place].bytes)
}
