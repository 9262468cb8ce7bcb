//! The trees of commits, read object by object from one `git cat-file --batch`.
//!
//! The tree of a commit is kept as a tree. It shares every folder with the tree of the
//! previous commit that has the same name and content. So a step from one commit to the
//! next reads only changed folders, and memory holds one tree. A folder that differs from
//! the format of git (a name twice, names out of order) is kept and reported, never
//! dropped.
//!
//! A listing equals the output of `git ls-tree -r`, with two differences. It is in the
//! order of paths, even if the trees are not. And each path appears once: if git lists a
//! path several times, the listing has all values that git shows for it, in the order of
//! git, separated by newlines. [`write_line`](super::tree::write_line) turns them into
//! separate lines again.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::ChildStdin;
use std::rc::Rc;

use super::lines::excerpt;
use super::process::{Git, GitError, GitOutput};

/// The maximal depth of folders, equal to git's own limit (`core.maxTreeDepth`).
const DEPTH: usize = 2048;

/// The maximal length of a path in bytes. A longer path cannot be a key.
const PATH_BYTES: usize = 4 * lithify::limits::KEY_BYTES;

/// The paths and values of a tree, in the order of paths, each path once.
pub type Listing = Vec<(Vec<u8>, Vec<u8>)>;

/// The result of a step to another commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Whether a folder that differs from the previous commit is irregular, or was
    /// irregular in the previous commit: it contains a name twice, or names out of order.
    pub is_doubtful: bool,
}

/// A reader of the trees of commits, which moves from commit to commit.
#[derive(Debug)]
pub struct TreeReader {
    requests: ChildStdin,
    answers: BufReader<GitOutput>,
    root: Rc<Folder>,
}

/// A tree object.
#[derive(Debug, Default)]
struct Folder {
    entries: Vec<Entry>,
    /// The number of lines in its listing.
    lines: u64,
    /// Whether a name appears twice, or the names are not in git's order.
    is_irregular: bool,
}

#[derive(Debug)]
struct Entry {
    name: Vec<u8>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// The text that `git ls-tree` prints before the tab.
    Value(Vec<u8>),
    /// The id in hexadecimal digits, and the content of the folder.
    Folder(String, Rc<Folder>),
}

/// The state of one step.
#[derive(Default)]
struct Walk {
    /// The path of the folder that is being read.
    path: Vec<u8>,
    /// The folders read so far, by id. The cache is needed because a few objects can
    /// appear at a very large number of paths.
    read: BTreeMap<String, Rc<Folder>>,
    step: Step,
}

impl TreeReader {
    pub(super) fn start(git: &Git) -> Result<Self, GitError> {
        let (requests, answers) = git.converse("cat-file", &["--batch"])?;
        Ok(Self {
            requests,
            answers: BufReader::new(answers),
            root: Rc::default(),
        })
    }

    /// Moves to another commit.
    ///
    /// # Errors
    /// If an object is missing or is not a tree, with the commit and the path. The reader
    /// then stays at the previous commit.
    pub fn go_to(&mut self, commit: &str) -> Result<Step, GitError> {
        let mut walk = Walk::default();
        let before = Rc::clone(&self.root);
        let request = format!("{commit}^{{tree}}");
        let root = self.folder(&request, &before, 0, &mut walk);
        self.root = root.map_err(|what| {
            let path = excerpt(&walk.path);
            GitError::Failed(format!("commit {commit}: the tree at path {path} {what}"))
        })?;
        Ok(walk.step)
    }

    /// The number of lines in the listing of the commit. Callers must check it before
    /// [`TreeReader::listing`], because a few small objects can make an extremely long
    /// listing.
    pub fn lines(&self) -> u64 {
        self.root.lines
    }

    /// The listing of the commit.
    ///
    /// # Errors
    /// For a path that is too long to be a key, with its beginning.
    pub fn listing(&self) -> Result<Listing, GitError> {
        let mut listing = Listing::new();
        list(&self.root, &mut Vec::new(), &mut listing)?;
        if !listing.is_sorted_by(|one, next| one.0 < next.0) {
            listing.sort_by(|one, next| one.0.cmp(&next.0));
            listing.dedup_by(|next, kept| {
                let is_same = next.0 == kept.0;
                if is_same {
                    kept.1.push(b'\n');
                    kept.1.append(&mut next.1);
                }
                is_same
            });
        }
        Ok(listing)
    }

    /// Reads a tree object, and the folders below it that are not in `before`.
    ///
    /// If it fails, the path of the walk is the place of the failure.
    fn folder(
        &mut self,
        request: &str,
        before: &Rc<Folder>,
        depth: usize,
        walk: &mut Walk,
    ) -> Result<Rc<Folder>, String> {
        if depth > DEPTH {
            return Err(format!("is deeper than {DEPTH} folders"));
        }
        let known: BTreeMap<&[u8], (&String, &Rc<Folder>)> = before
            .entries
            .iter()
            .filter_map(|entry| match &entry.content {
                Content::Folder(id, folder) => Some((&*entry.name, (id, folder))),
                Content::Value(_) => None,
            })
            .collect();
        let raw = self.object(request)?;
        let nothing = Rc::default();
        let mut folder = Folder::default();
        let mut rest = &raw.contents[..];
        while !rest.is_empty() {
            let entry = RawEntry::take(&mut rest, raw.id_bytes)
                .ok_or("is malformed: git fsck says more about it")?;
            let content = match (entry.value(), known.get(entry.name)) {
                (Some(value), _) => Content::Value(value),
                (None, Some((id, folder))) if **id == entry.id => {
                    Content::Folder(entry.id, Rc::clone(folder))
                }
                (None, known) => {
                    let length = walk.path.len();
                    if length > 0 {
                        walk.path.push(b'/');
                    }
                    walk.path.extend_from_slice(entry.name);
                    let before = known.map_or(&nothing, |(_, folder)| folder);
                    walk.step.is_doubtful |= before.is_irregular;
                    let below = match walk.read.get(&entry.id) {
                        Some(folder) => Rc::clone(folder),
                        None => self.folder(&entry.id, before, depth + 1, walk)?,
                    };
                    walk.path.truncate(length);
                    walk.read.insert(entry.id.clone(), Rc::clone(&below));
                    Content::Folder(entry.id, below)
                }
            };
            folder.lines = folder.lines.saturating_add(match &content {
                Content::Value(_) => 1,
                Content::Folder(_, below) => below.lines,
            });
            folder.entries.push(Entry {
                name: entry.name.to_vec(),
                content,
            });
        }
        folder.is_irregular = !folder.entries.is_sorted_by(|one, next| {
            // Two entries with the same name are never in order, except a file and a
            // folder.
            one.place().lt(next.place())
        });
        walk.step.is_doubtful |= folder.is_irregular || before.is_irregular;
        Ok(Rc::new(folder))
    }

    /// Requests one tree.
    fn object(&mut self, request: &str) -> Result<RawTree, String> {
        let failed = |error: std::io::Error| format!("cannot be read: {error}");
        // If git has ended, reading its answer returns the reason.
        let _ = self.requests.write_all(format!("{request}\n").as_bytes());
        let _ = self.requests.flush();
        let mut header = String::new();
        self.answers.read_line(&mut header).map_err(failed)?;
        let fields: Vec<&str> = header.split_whitespace().collect();
        let [id, "tree", size] = fields[..] else {
            return Err(match fields[..] {
                [] => "cannot be read: git cat-file has ended".to_owned(),
                [_, "missing"] => format!("is missing from the repository ({request})"),
                [_, kind, _] => format!("is a {kind} ({request})"),
                _ => format!("cannot be read: git cat-file says {}", header.trim()),
            });
        };
        let size: u64 = size.parse().map_err(|_| "has no size".to_owned())?;
        let mut contents = Vec::new();
        let mut answer = Read::take(&mut self.answers, size.saturating_add(1));
        answer.read_to_end(&mut contents).map_err(failed)?;
        if contents.pop() != Some(b'\n') || contents.len() as u64 != size {
            return Err("cannot be read: git cat-file has ended".to_owned());
        }
        Ok(RawTree {
            id_bytes: id.len() / 2,
            contents,
        })
    }
}

impl Entry {
    /// The sort key of git: a folder sorts as if its name ended with a slash.
    fn place(&self) -> impl Iterator<Item = &u8> {
        let slash: &[u8] = match self.content {
            Content::Folder(..) => b"/",
            Content::Value(_) => b"",
        };
        self.name.iter().chain(slash)
    }
}

fn list(folder: &Folder, path: &mut Vec<u8>, listing: &mut Listing) -> Result<(), GitError> {
    let length = path.len();
    for entry in &folder.entries {
        if length > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(&entry.name);
        if path.len() > PATH_BYTES {
            return Err(GitError::Failed(format!(
                "a path is longer than {PATH_BYTES} bytes, it begins with {}",
                excerpt(path)
            )));
        }
        match &entry.content {
            Content::Value(value) => listing.push((path.clone(), value.clone())),
            // Folders without a file can also appear at a very large number of paths.
            Content::Folder(_, below) if below.lines == 0 => {}
            Content::Folder(_, below) => list(below, path, listing)?,
        }
        path.truncate(length);
    }
    Ok(())
}

/// The bytes of a tree object.
struct RawTree {
    id_bytes: usize,
    contents: Vec<u8>,
}

/// One entry of a tree object: `MODE NAME<zero>ID`. The mode is in octal digits, the id
/// in bytes.
struct RawEntry<'a> {
    mode: u32,
    name: &'a [u8],
    /// In hexadecimal digits.
    id: String,
}

impl<'a> RawEntry<'a> {
    /// Removes an entry from the front. `None` if there is no valid entry.
    fn take(rest: &mut &'a [u8], id_bytes: usize) -> Option<Self> {
        let space = rest.iter().position(|byte| *byte == b' ')?;
        let mode = str::from_utf8(&rest[..space]).ok()?;
        let is_octal = !mode.is_empty() && mode.bytes().all(|byte| (b'0'..b'8').contains(&byte));
        let mode = u32::from_str_radix(mode, 8).ok().filter(|_| is_octal)?;
        let behind = &rest[space + 1..];
        let zero = behind.iter().position(|byte| *byte == 0)?;
        let (name, behind) = (&behind[..zero], &behind[zero + 1..]);
        let (id, behind) = behind.split_at_checked(id_bytes)?;
        *rest = behind;
        let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        (!name.is_empty()).then_some(Self { mode, name, id })
    }

    /// The text that `git ls-tree` prints before the tab. `None` for a folder. git always
    /// shows the modes that it writes itself, even if an older program has written
    /// another mode.
    fn value(&self) -> Option<Vec<u8>> {
        let shown = match self.mode & 0o170_000 {
            0o040_000 => return None,
            0o100_000 if self.mode & 0o100 != 0 => "100755 blob",
            0o100_000 => "100644 blob",
            0o120_000 => "120000 blob",
            _ => "160000 commit",
        };
        Some(format!("{shown} {}", self.id).into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_are_cut_or_malformed_are_refused() {
        let whole = b"100644 name\0........";
        let mut rest = &whole[..];
        assert_eq!(RawEntry::take(&mut rest, 8).unwrap().name, b"name");
        assert!(rest.is_empty());
        for cut in 0..whole.len() {
            assert!(RawEntry::take(&mut &whole[..cut], 8).is_none(), "{cut}");
        }
        for malformed in [
            &b" a\0........"[..],
            b"8 a\0........",
            b"+7 a\0........",
            b"1 \0........",
        ] {
            assert!(RawEntry::take(&mut &malformed[..], 8).is_none());
        }
    }
}
