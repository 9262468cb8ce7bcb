//! Reads every object of an archive and checks it.
//!
//! First the history is read from the first commit to the newest one, as a restore does. Then every
//! object that a list names is read: its bytes, and whether its digests are those of the history. So
//! damage is found in objects too that no reader needs now. Findings do not end the check.
//!
//! This file repairs nothing.

use std::collections::BTreeMap;

use bytes::Bytes;
use lithify::Commit;
use serde::Serialize;

use crate::archive::Archive;
use crate::ask::{Listed, Port};
use crate::error::{Error, Result};
use crate::names::{self, Name};
use crate::number::Number;
use crate::object::{self, Contents, Reached};
use crate::piece::{self, Found};
use crate::plan::Reach;
use crate::read::View;

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The newest commit.
    pub head: Commit,
    /// Every window of the layout at this commit is written.
    pub settled: Commit,
    /// The commits that were read in order.
    pub commits: u64,
    /// The objects that were read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The names that no archive has.
    pub foreign: Vec<String>,
    /// The findings, one line each.
    pub damage: Vec<String>,
}

impl Archive {
    /// Checks everything. One list, and one request or two for each object.
    ///
    /// # Errors
    /// Errors of the store; damage is a finding.
    pub async fn verify(&self, port: &Port) -> Result<Verified> {
        let mut verified = Verified::default();
        let mut reach = Reach::default();
        if let Err(error) = self.look(port, &mut reach).await {
            verified.note(error)?;
        }
        verified.head = reach.head;
        verified.settled = reach.settled;
        let digests = self.check_history(port, &reach, &mut verified).await?;
        for listed in port.list("").await? {
            match names::parse(&listed.name) {
                None => verified.foreign.push(listed.name),
                Some(name) => {
                    if let Err(error) = self
                        .check(port, name, &listed, &digests, &mut verified)
                        .await
                    {
                        verified.note(error)?;
                    }
                }
            }
        }
        Ok(verified)
    }

    /// Reads the history, and returns the digest at each commit.
    async fn check_history(
        &self,
        port: &Port,
        reach: &Reach,
        verified: &mut Verified,
    ) -> Result<BTreeMap<Commit, Number>> {
        let mut digests = BTreeMap::from([(Commit::ZERO, Number(0))]);
        let mut changes = View::new(self, reach, reach.head)?.changes_since(Commit::ZERO);
        loop {
            match changes.next(port).await {
                Ok(None) => return Ok(digests),
                Ok(Some(commits)) => {
                    for changes in commits {
                        verified.commits += 1;
                        digests.insert(changes.commit, Number(changes.after().digest));
                    }
                }
                Err(error) => {
                    verified.note(error)?;
                    return Ok(digests);
                }
            }
        }
    }

    /// Checks one object, and compares its digests with those of the history.
    async fn check(
        &self,
        port: &Port,
        name: Name,
        listed: &Listed,
        digests: &BTreeMap<Commit, Number>,
        verified: &mut Verified,
    ) -> Result<()> {
        // The list may be out of date.
        let Some(bytes) = port.get(&listed.name).await? else {
            return Ok(());
        };
        verified.objects += 1;
        verified.bytes += bytes.len() as u64;
        let differs = |end: &Reached| {
            let digest = digests.get(&end.commit);
            digest.is_some_and(|digest| *digest != end.digest)
        };
        let ends = self.ends_of(name, &listed.name, &bytes)?;
        match ends.into_iter().find(differs) {
            None => Ok(()),
            Some(end) => Err(Error::Mixed {
                name: listed.name.clone(),
                commit: end.commit,
            }),
        }
    }

    /// The commits at the ends of an object, with the digests there.
    fn ends_of(&self, name: Name, text: &str, bytes: &Bytes) -> Result<Vec<Reached>> {
        if matches!(name, Name::Archive | Name::Head) {
            let (header, _) = object::decode(text, Some(self.id()), bytes)?;
            return Ok(match header.contents {
                Contents::Head(reached) => vec![reached],
                _ => Vec::new(),
            });
        }
        let found = piece::decode(text, self.id(), self.alignment(), bytes)?;
        let span = found.span();
        let fits = match (name, &found) {
            (Name::Log(first), _) => span.before.commit.next() == first,
            (Name::Window(level, end), Found::Piece(_)) => {
                let window = piece::window_of(self.alignment(), span);
                window.is_some_and(|window| (window.level, window.end) == (level, end))
            }
            _ => false,
        };
        match fits {
            true => Ok(vec![span.before, span.after]),
            false => Err(Error::Damage {
                name: text.to_owned(),
                expected: format!("{name:?}"),
                found: format!("{span:?}"),
            }),
        }
    }
}

impl Verified {
    /// Adds damage to the findings. Other errors end the check.
    fn note(&mut self, error: crate::Error) -> Result<()> {
        match error {
            Error::Failed { .. } | Error::NoReply { .. } => Err(error),
            error => {
                let line = error.to_string();
                if !self.damage.contains(&line) {
                    self.damage.push(line);
                }
                Ok(())
            }
        }
    }
}
