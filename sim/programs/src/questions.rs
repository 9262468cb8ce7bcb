//! What a checker's program has asked of an image, and what another image would have answered.
//!
//! A program that has got the same answers has done the same. So if an image gives the same answers to
//! all that was asked of another one, its verdict is the same: the two are one class. That holds for
//! programs that depend on nothing but the image, the output that goes with it, and what is the same for
//! every image; brute force needs that, too.
//!
//! Questions are about an image as it was before the checker began: what the checker writes follows
//! from the answers that it had got until then.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use lithify_sim::disk::Place;
use xxhash_rust::xxh3::Xxh3;

use crate::losses::Shown;

/// One question. Paths are those of [`Shown`]; the root is the empty one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// What stands there: nothing, a directory, a link and where it leads, or a file, and the first
    /// of its names.
    Entry(String),
    /// Which names are in a directory, and of what kind each is.
    Listing(String),
    /// The bytes between two places, as far as the file goes.
    Bytes {
        /// Of which file.
        path: String,
        /// The first place.
        start: u64,
        /// The place behind the last one.
        end: u64,
    },
    /// What `stat` shows: the length of a file and how many names it has; of a directory, how many
    /// entries and how many directories are in it.
    Status(String),
}

/// All that was asked, in the order in which it was asked first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions(Vec<Question>);

impl Questions {
    /// The questions that were asked, each once.
    #[must_use]
    pub fn of(asked: impl IntoIterator<Item = Question>) -> Self {
        let mut seen = BTreeSet::new();
        let asked = asked.into_iter();
        let first = asked.filter(|question| seen.insert(question.clone()));
        Self(first.collect())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Question> {
        self.0.iter()
    }
}

/// What is known of classes: a tree of questions, in which the answers of an image lead to its verdict.
///
/// A program asks the same until it has got another answer, so the tree branches where programs part.
/// Where two runs have asked in another order, because two processes of a checker ran side by side,
/// the second one answers what the first has asked on this way, and then the rest of its own.
#[derive(Clone, Debug)]
pub struct Tree<V> {
    question: Question,
    known: BTreeMap<u128, Branch<V>>,
}

#[derive(Clone, Debug)]
enum Branch<V> {
    Asks(Box<Tree<V>>),
    Says(V),
}

impl<V: Clone> Tree<V> {
    /// What is said of an image, and the questions that decide it; `None` if that is not known.
    fn find(&self, image: &Answering<'_>, asked: &mut Vec<Question>) -> Option<V> {
        let mut tree = self;
        loop {
            asked.push(tree.question.clone());
            match tree.known.get(&image.answer(&tree.question))? {
                Branch::Says(value) => return Some(value.clone()),
                Branch::Asks(next) => tree = next,
            }
        }
    }

    /// Adds what is said of an image of which nothing was known.
    fn add(&mut self, image: &Answering<'_>, rest: &mut Vec<Question>, value: V) {
        rest.retain(|question| *question != self.question);
        match self.known.entry(image.answer(&self.question)) {
            Entry::Occupied(mut known) => {
                if let Branch::Asks(next) = known.get_mut() {
                    next.add(image, rest, value);
                }
            }
            Entry::Vacant(place) => {
                place.insert(line(image, rest, value));
            }
        }
    }
}

/// Questions one after the other, up to what is said.
fn line<V>(image: &Answering<'_>, rest: &[Question], value: V) -> Branch<V> {
    let mut branch = Branch::Says(value);
    for question in rest.iter().rev() {
        let known = BTreeMap::from([(image.answer(question), branch)]);
        let question = question.clone();
        branch = Branch::Asks(Box::new(Tree { question, known }));
    }
    branch
}

/// Classes of images whose users had seen the same.
#[derive(Clone, Debug)]
pub struct Classes<V>(Option<Branch<V>>);

impl<V> Default for Classes<V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<V: Clone> Classes<V> {
    /// What is said of an image, and the questions that decide it; `None` if it is of no known class.
    #[must_use]
    pub fn find(&self, image: &Answering<'_>) -> Option<(Questions, V)> {
        let mut asked = Vec::new();
        let value = match self.0.as_ref()? {
            Branch::Says(value) => value.clone(),
            Branch::Asks(tree) => tree.find(image, &mut asked)?,
        };
        Some((Questions(asked), value))
    }

    /// Adds the class of an image.
    pub fn add(&mut self, image: &Answering<'_>, questions: &Questions, value: V) {
        let mut rest = questions.0.clone();
        match &mut self.0 {
            None => self.0 = Some(line(image, &rest, value)),
            Some(Branch::Asks(tree)) => tree.add(image, &mut rest, value),
            // Nothing was asked, so all images are one.
            Some(Branch::Says(_)) => {}
        }
    }
}

/// An image that is asked.
#[derive(Debug)]
pub struct Answering<'image> {
    shown: &'image Shown,
    /// The first name of each file, and how many it has.
    names: BTreeMap<u32, (&'image str, u64)>,
}

impl<'image> Answering<'image> {
    /// Asks this one.
    #[must_use]
    pub fn new(shown: &'image Shown) -> Self {
        let mut names = BTreeMap::new();
        for (path, place) in shown {
            if let Place::File { inode, .. } = place {
                names.entry(*inode).or_insert((path.as_str(), 0)).1 += 1;
            }
        }
        Self { shown, names }
    }

    /// A digest of what it answers.
    #[must_use]
    pub fn answer(&self, question: &Question) -> u128 {
        let mut hasher = Xxh3::new();
        self.hash(question, &mut hasher);
        hasher.digest128()
    }

    fn hash(&self, question: &Question, hasher: &mut Xxh3) {
        match question {
            Question::Entry(path) => self.entry(path, hasher),
            Question::Listing(path) => {
                for (name, place) in self.inside(path) {
                    text(hasher, name.as_bytes());
                    hasher.update(&[kind(Some(place))]);
                }
                hasher.update(&[9]);
            }
            Question::Bytes { path, start, end } => {
                let bytes = self.bytes(path);
                let length = bytes.len() as u64;
                let (start, end) = ((*start).min(length), (*end).min(length));
                text(hasher, &bytes[start as usize..end as usize]);
            }
            Question::Status(path) => self.status(path, hasher),
        }
    }

    fn entry(&self, path: &str, hasher: &mut Xxh3) {
        let place = self.shown.get(path);
        hasher.update(&[kind(place)]);
        match place {
            Some(Place::Symlink(target)) => text(hasher, target.as_bytes()),
            Some(Place::File { inode, .. }) => text(hasher, self.names[inode].0.as_bytes()),
            Some(Place::Directory) | None => {}
        }
    }

    fn status(&self, path: &str, hasher: &mut Xxh3) {
        let place = self.shown.get(path);
        hasher.update(&[kind(place)]);
        let numbers = match place {
            Some(Place::File { inode, bytes }) => [bytes.len() as u64, self.names[inode].1],
            Some(Place::Symlink(target)) => [target.len() as u64, 1],
            _ => {
                let directories = self.inside(path).filter(|(_, it)| **it == Place::Directory);
                [self.inside(path).count() as u64, directories.count() as u64]
            }
        };
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
    }

    fn bytes(&self, path: &str) -> &[u8] {
        match self.shown.get(path) {
            Some(Place::File { bytes, .. }) => bytes,
            _ => &[],
        }
    }

    /// The entries of a directory.
    fn inside(&self, path: &str) -> impl Iterator<Item = (&'image str, &'image Place)> {
        let begin = match path {
            "" => String::new(),
            path => format!("{path}/"),
        };
        let below = self.shown.range(begin.clone()..);
        let below = below.map_while(move |(path, place)| Some((path.strip_prefix(&begin)?, place)));
        below.filter(|(name, _)| !name.contains('/'))
    }
}

fn kind(place: Option<&Place>) -> u8 {
    match place {
        None => 0,
        Some(Place::Directory) => 1,
        Some(Place::Symlink(_)) => 2,
        Some(Place::File { .. }) => 3,
    }
}

/// With its length, so that no two texts run into each other.
fn text(hasher: &mut Xxh3, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}
