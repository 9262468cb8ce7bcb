//! `check-git`: checks that every tree in the store equals the tree in git.
//!
//! Trees come from a repository or from a trees file. Each tree is compared byte for
//! byte with a scan as of its commit, in the order of paths. Commits that retention has
//! removed are counted and not compared.
//!
//! The trees of a repository are read as objects and never from its log, because the
//! import used the log. A sample always includes the commits whose trees git itself
//! would not write (one name twice, names out of order) and the commits after them,
//! because there the log is misleading.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Args;
use lithify::{Commit, Error, KeyRange, Store};
use lithify_policies::git::{Repository, Tree, TreeReader, Trees, tree};
use lithify_sim::cli::args::{Format, FormatArgument};
use lithify_sim::cli::exit::{Exit, Outcome};
use lithify_sim::cli::output::Output;

use super::bytes::shown;
use super::git_log::{of_git, of_log};
use super::store::{KeyspaceArgument, StoreArgument};

/// The first bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A tree that has this many lines more than the store is not listed: a few small
/// objects can describe an extremely long listing.
const EXCESS_LINES: u64 = 1_000_000;

const EXAMPLES: &str = "\
Examples:
  lithify check-git --store S              # 20 commits of this repository
  lithify check-git --store S --repo ../redb --all
  lithify check-git --store S --trees redb.trees.zst

A file of trees has, for each commit, a line `tree NUMBER ID` and the output of `git ls-tree -r`. \
The file may be compressed with zstd. Exits with 1 at the first difference.";

/// Compares a store with `git ls-tree`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckGit {
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    keyspace: KeyspaceArgument,
    /// The git repository [default: the repository of the working directory]
    #[arg(long, value_name = "PATH")]
    repo: Option<PathBuf>,
    /// A file of trees instead of a repository
    #[arg(long, value_name = "FILE", conflicts_with_all = ["repo", "all", "sample"])]
    trees: Option<PathBuf>,
    /// Compare every commit
    #[arg(long, conflicts_with = "sample")]
    all: bool,
    /// Number of commits to compare: the first, the last, and others at equal distances. Trees
    /// that have a name twice, or names out of order, are compared as well
    #[arg(long, value_name = "N", default_value = "20",
          value_parser = clap::value_parser!(u64).range(1..))]
    sample: u64,
    #[command(flatten)]
    format: FormatArgument,
}

/// The counts of the comparison.
#[derive(Debug, Default, serde::Serialize)]
struct Tally {
    head: u64,
    equal_trees: u64,
    lines: u64,
    thinned_out: u64,
}

/// Runs the command.
pub(crate) fn run(arguments: &CheckGit) -> Outcome {
    let store = arguments.store.open_keyspace(&arguments.keyspace)?;
    let mut check = Check {
        store: &store,
        keyspace: &arguments.keyspace.keyspace,
        tally: Tally::default(),
    };
    check.tally.head = store.head().get();
    match &arguments.trees {
        Some(path) => check.with_file(path)?,
        None => check.with_repository(arguments)?,
    }
    let tally = &check.tally;
    let mut output = Output::for_reading();
    match arguments.format.format {
        Format::Json => output.json(tally)?,
        Format::Text => output.line(
            format!(
                "{} trees of {} commits are equal, {} lines; {} thinned out and not compared",
                tally.equal_trees, tally.head, tally.lines, tally.thinned_out
            )
            .as_bytes(),
        )?,
    }
    output.finish()
}

struct Check<'a> {
    store: &'a Store,
    keyspace: &'a str,
    tally: Tally,
}

impl Check<'_> {
    fn with_file(&mut self, path: &Path) -> Outcome {
        let words = path.display().to_string();
        let unreadable = |error: std::io::Error| Exit::Io.because(error).prefixed(&words);
        let reader = open_trees(path).map_err(unreadable)?;
        for tree in Trees::new(reader) {
            self.compare(tree.map_err(|error| of_log(error).prefixed(&words))?)?;
        }
        Ok(())
    }

    fn with_repository(&mut self, arguments: &CheckGit) -> Outcome {
        let repository = Repository::open(arguments.repo.as_deref()).map_err(of_git)?;
        let head = self.store.head().get();
        let count = if arguments.all {
            u64::MAX
        } else {
            arguments.sample
        };
        let readable = self.store.snapshot().readable_commits_of(self.keyspace);
        self.tally.thinned_out = head - readable.iter().map(length).sum::<u64>();
        let mut wanted = sample(&readable, count).into_iter().peekable();
        let mut commits = repository.commits().map_err(of_git)?;
        let mut trees = repository.trees().map_err(of_git)?;
        let mut is_behind_doubtful = false;
        while wanted.peek().is_some() && commits.advance().map_err(of_log)? {
            let number = commits.number();
            let id = String::from_utf8_lossy(commits.line()).into_owned();
            let is_doubtful = trees.go_to(&id).map_err(of_git)?.is_doubtful;
            let is_readable = readable
                .iter()
                .any(|range| range.contains(&Commit::new(number)));
            let is_wanted = wanted.next_if_eq(&number).is_some();
            if is_wanted || is_readable && (is_doubtful || is_behind_doubtful) {
                self.compare_objects(number, id, &trees)?;
            }
            is_behind_doubtful = is_doubtful;
        }
        match wanted.next() {
            None => Ok(()),
            Some(_) => Err(Exit::Negative.because(format!(
                "the repository has {} commits, the store has {head}",
                commits.number() - 1
            ))),
        }
    }

    /// Compares one tree, read as objects, with the store as of its commit.
    fn compare_objects(&mut self, number: u64, id: String, trees: &TreeReader) -> Outcome {
        let stored = self.listing(Commit::new(number))?;
        let most = stored.iter().filter(|byte| **byte == b'\n').count() as u64;
        if trees.lines() > most.saturating_add(EXCESS_LINES) {
            return Err(Exit::Negative.because(format!(
                "commit {number} ({id}) differs: the store has {most} lines, git has {}",
                trees.lines()
            )));
        }
        let mut listing = Vec::new();
        for (path, value) in trees.listing().map_err(of_git)? {
            tree::write_line(&mut listing, &path, &value).expect("memory takes all bytes");
        }
        self.judge(
            &stored,
            &Tree {
                number,
                id,
                listing,
            },
        )
    }

    /// Compares one tree with the store as of its commit.
    fn compare(&mut self, tree: Tree) -> Outcome {
        let stored = match self.listing(Commit::new(tree.number)) {
            Ok(stored) => stored,
            Err(Error::Thinned { .. }) => {
                self.tally.thinned_out += 1;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let listing = tree::sorted(tree.listing);
        self.judge(&stored, &Tree { listing, ..tree })
    }

    fn judge(&mut self, stored: &[u8], tree: &Tree) -> Outcome {
        let at = tree.number;
        if let Some((line, here, there)) = first_difference(stored, &tree.listing) {
            return Err(Exit::Negative.because(format!(
                "commit {at} ({}) differs at line {line}: the store has {here}, git has {there}",
                tree.id
            )));
        }
        self.tally.equal_trees += 1;
        self.tally.lines += tree.listing.split_inclusive(|byte| *byte == b'\n').count() as u64;
        Ok(())
    }

    /// The store as of a commit, in the format of `git ls-tree -r`.
    fn listing(&self, at: Commit) -> lithify::Result<Vec<u8>> {
        let mut listing = Vec::new();
        let range = self.store.range_at(self.keyspace, KeyRange::all(), at)?;
        for item in range {
            let (path, value) = item?;
            tree::write_line(&mut listing, &path, &value).expect("memory takes all bytes");
        }
        Ok(listing)
    }
}

/// Opens a trees file, and decompresses it if it begins with the zstd magic.
fn open_trees(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    let mut plain = BufReader::new(File::open(path)?);
    if plain.fill_buf()?.starts_with(&ZSTD_MAGIC) {
        let decoder = zstd::Decoder::with_buffer(plain)?;
        return Ok(Box::new(BufReader::new(decoder)));
    }
    Ok(Box::new(plain))
}

/// `count` readable commits at equal distances, including the first and the last.
fn sample(readable: &[RangeInclusive<Commit>], count: u64) -> Vec<u64> {
    let total: u64 = readable.iter().map(length).sum();
    let numbers = readable
        .iter()
        .flat_map(|range| range.start().get()..=range.end().get());
    let count = count.min(total);
    let place = |taken: u64| match count {
        1 => total - 1,
        _ => (u128::from(taken) * u128::from(total - 1) / u128::from(count - 1)) as u64,
    };
    let mut sample = Vec::new();
    for (index, number) in (0_u64..).zip(numbers) {
        if (sample.len() as u64) < count && index == place(sample.len() as u64) {
            sample.push(number);
        }
    }
    sample
}

/// The number of commits in a range.
fn length(range: &RangeInclusive<Commit>) -> u64 {
    range.end().get() - range.start().get() + 1
}

/// The number of the first different line, from 1, and both sides of it for a message.
fn first_difference(here: &[u8], there: &[u8]) -> Option<(usize, String, String)> {
    if here == there {
        return None;
    }
    let mut here = here.split_inclusive(|byte| *byte == b'\n');
    let mut there = there.split_inclusive(|byte| *byte == b'\n');
    let words = |line: Option<&[u8]>| line.map_or("no such line".to_owned(), shown);
    let mut number = 0;
    loop {
        number += 1;
        let (left, right) = (here.next(), there.next());
        if left != right {
            return Some((number, words(left), words(right)));
        }
    }
}
