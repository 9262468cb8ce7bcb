//! Published litmus tests: tiny programs whose outcomes after a crash differ between
//! file systems.
//!
//! [`Litmus::outcomes`] lists every outcome that a crash at the end of the program may
//! leave. The programs are those of Ferrite (Bornholt et al., ASPLOS 2016) and of BOB
//! (Pillai et al., OSDI 2014). [`published`] lists what was published about them for
//! each file system.

pub mod published;

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;

use lithify::fs::{Access, Fs};

use super::explore::{Budget, explore};
use super::frontier::Frontier;
use super::fs::SimFs;
use super::image::Image;
use super::model::Model;
use crate::keyed::{Domain, Seed};

/// One test program.
#[derive(Clone, Copy, Debug)]
pub struct Litmus {
    /// Its name in the literature.
    pub name: &'static str,
    /// The question that it answers, in a sentence.
    pub question: &'static str,
    /// Creates the files that are durable before the program begins.
    prepare: fn(&SimFs) -> io::Result<()>,
    run: fn(&SimFs) -> io::Result<()>,
    /// Whether a naive programmer expects this outcome.
    is_expected: fn(&str) -> bool,
}

/// The length leaves the last block partly filled, and a second append ends in another
/// block.
const APPEND_BYTES: usize = 2500;

/// All programs.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "prefix-append",
        question: "after two appends, is the file a prefix of both?",
        prepare: |fs| create(fs, "f", &[b'a'; APPEND_BYTES]),
        run: |fs| append(fs, "f", &[b'b'; APPEND_BYTES]),
        is_expected: |outcome| {
            let second = outcome.strip_prefix("f=(a2500)").unwrap_or("?");
            let is_one_run = second.starts_with("(b") && second.matches('(').count() == 1;
            second.is_empty() || is_one_run
        },
    },
    Litmus {
        name: "replace-via-rename",
        question: "after writing a new file and renaming it over the old one, is it old or new?",
        prepare: |fs| create(fs, "f", b"old"),
        run: |fs| {
            create_volatile(fs, "g", b"new")?;
            fs.rename("g", "f")
        },
        is_expected: |outcome| ["f=old", "f=old g=", "f=old g=new", "f=new"].contains(&outcome),
    },
    Litmus {
        name: "create-via-rename",
        question: "after writing a file and renaming it to a new name, is it absent or whole?",
        prepare: |_| Ok(()),
        run: |fs| {
            create_volatile(fs, "g", b"new")?;
            fs.rename("g", "f")
        },
        is_expected: |outcome| ["", "g=", "g=new", "f=new"].contains(&outcome),
    },
    Litmus {
        name: "ordered-overwrites-one-file",
        question: "do two overwrites of one file keep their order?",
        prepare: |fs| create(fs, "f", &[b'o'; 2 * 4096]),
        run: |fs| {
            let file = fs.open("f", Access::Write)?;
            file.write_at(0, b"1")?;
            file.write_at(4096, b"2").map(|_| ())
        },
        is_expected: |outcome| ["f=(o8192)", "f=1(o8191)", "f=1(o4095)2(o4095)"].contains(&outcome),
    },
    Litmus {
        name: "ordered-overwrites-two-files",
        question: "do overwrites of two files keep their order?",
        prepare: |fs| {
            create(fs, "f", b"o")?;
            create(fs, "g", b"o")
        },
        run: |fs| {
            fs.open("f", Access::Write)?.write_at(0, b"1")?;
            fs.open("g", Access::Write)?.write_at(0, b"2").map(|_| ())
        },
        is_expected: |outcome| ["f=o g=o", "f=1 g=o", "f=1 g=2"].contains(&outcome),
    },
    Litmus {
        name: "implied-directory-sync",
        question: "does syncing a new file make its name durable?",
        prepare: |_| Ok(()),
        run: |fs| {
            create_volatile(fs, "f", b"x")?;
            fs.open("f", Access::Write)?.sync()
        },
        is_expected: |outcome| ["f=x"].contains(&outcome),
    },
    Litmus {
        name: "directory-operation-order",
        question: "do two new names keep their order?",
        prepare: |_| Ok(()),
        run: |fs| {
            fs.create("f")?;
            fs.create("g").map(|_| ())
        },
        is_expected: |outcome| ["", "f=", "f= g="].contains(&outcome),
    },
];

fn create(fs: &SimFs, name: &str, bytes: &[u8]) -> io::Result<()> {
    create_volatile(fs, name, bytes)
}

fn create_volatile(fs: &SimFs, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs.create(name)?.append(bytes).map(|_| ())
}

fn append(fs: &SimFs, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs.open(name, Access::Write)?.append(bytes).map(|_| ())
}

impl Litmus {
    /// Every outcome that a crash at the end may leave under `model`.
    ///
    /// # Panics
    /// If the simulated file system returns an error. No operation of a program may
    /// fail.
    #[must_use]
    pub fn outcomes(&self, model: &'static Model) -> BTreeSet<String> {
        let fs = SimFs::new();
        (self.prepare)(&fs).expect("nothing fails here");
        let start = fs.image();
        let fs = SimFs::from_image(&start);
        (self.run)(&fs).expect("nothing fails here");
        let log = fs.log();
        let mut frontier = Frontier::new(model, start, &log);
        while frontier.next().is_some() {
            frontier.advance();
        }
        let mut outcomes = BTreeSet::new();
        let mut draws = Seed(0).draws(Domain::CrashImages, 0);
        explore(&frontier, Budget::ALL, &mut draws, &mut |_, image| {
            outcomes.insert(describe(&image));
            ControlFlow::Continue(())
        });
        outcomes
    }

    /// The outcomes under `model` that a naive programmer does not expect.
    #[must_use]
    pub fn surprises(&self, model: &'static Model) -> Vec<String> {
        let outcomes = self.outcomes(model);
        outcomes
            .into_iter()
            .filter(|outcome| !(self.is_expected)(outcome))
            .collect()
    }
}

/// The files with their contents. A run of one letter is shortened: `f=new g=(a2500)0`.
fn describe(image: &Image) -> String {
    let files = image
        .files()
        .map(|(name, bytes)| format!("{name}={}", runs(bytes)));
    files.collect::<Vec<_>>().join(" ")
}

fn runs(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in bytes.chunk_by(|one, other| class(*one) == class(*other)) {
        match run.len() {
            1 => text.push(class(run[0])),
            length => text.push_str(&format!("({}{length})", class(run[0]))),
        }
    }
    text
}

fn class(byte: u8) -> char {
    match byte {
        0 => '0',
        b'a'..=b'z' | b'1'..=b'9' => char::from(byte),
        _ => '?',
    }
}
