//! The objects of an archive, as a list names them.
//!
//! A list costs one request and reads no object, so it does not say where a log object ends. It may be
//! out of date where the object store's lists are.

use lithify::Commit;
use lithify::align::Level;
use serde::Serialize;

use crate::archive::Archive;
use crate::ask::{Listed, Port};
use crate::error::Result;
use crate::names::{self, Name};

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The name.
    pub name: String,
    /// The level of a window.
    pub level: Option<Level>,
    /// The first commit of a log object or a window.
    pub first: Option<Commit>,
    /// The last commit of a window.
    pub last: Option<Commit>,
    /// The length.
    pub bytes: u64,
}

impl Archive {
    /// The objects, in the order of their names. One request.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn list(&self, port: &Port) -> Result<Vec<Row>> {
        let listed = port.list("").await?;
        Ok(listed.into_iter().map(|it| self.row(it)).collect())
    }

    fn row(&self, listed: Listed) -> Row {
        let (level, first, last) = match names::parse(&listed.name) {
            Some(Name::Log(first)) => (None, Some(first), None),
            Some(Name::Window(level, end)) => {
                let window = names::window_of(self.alignment(), level, end);
                (
                    Some(level),
                    window.map(|window| window.start.next()),
                    Some(end),
                )
            }
            _ => (None, None, None),
        };
        Row {
            name: listed.name,
            level,
            first,
            last,
            bytes: listed.bytes,
        }
    }
}
