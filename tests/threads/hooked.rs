//! A file system that asks before each operation that matters, so that a test can hold
//! it, count it, fail it, or panic in it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use lithify::fs::{Access, File, Fs, Lock, LockKind, MemFs};

/// What happens to an operation whose story (`"sync wal-000003"`) has a text in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// It waits until the rule is lifted: see [`HookedFs::hold`].
    Hold,
    Fail,
    Panic,
}

#[derive(Debug, Default)]
struct State {
    rules: BTreeMap<&'static str, Rule>,
    /// Operations that wait.
    held: usize,
    /// Every operation, as far as it was let through.
    stories: Vec<String>,
}

/// The file system. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct HookedFs {
    pub(crate) inner: MemFs,
    hooks: Arc<Hooks>,
}

/// Operations are being held.
#[derive(Debug)]
pub(crate) struct Held(HookedFs, &'static str);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.lift(self.1);
    }
}

#[derive(Default)]
struct Hooks {
    state: Mutex<State>,
    changed: Condvar,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hooks")
    }
}

impl HookedFs {
    /// From now on, operations with `text` in their story follow `rule`.
    pub(crate) fn set(&self, text: &'static str, rule: Rule) {
        self.hooks.state().rules.insert(text, rule);
    }

    /// Holds such operations until the guard is dropped, so that a test that fails does
    /// not wait for ever.
    pub(crate) fn hold(&self, text: &'static str) -> Held {
        self.set(text, Rule::Hold);
        Held(self.clone(), text)
    }

    /// Makes operations that are being held fail.
    pub(crate) fn fail_held(&self, held: Held) {
        self.set(held.1, Rule::Fail);
        self.hooks.changed.notify_all();
        std::mem::forget(held);
    }

    /// Lifts a rule, and lets go of what it holds.
    pub(crate) fn lift(&self, text: &'static str) {
        self.hooks.state().rules.remove(text);
        self.hooks.changed.notify_all();
    }

    /// Waits until an operation is being held.
    pub(crate) fn wait_until_held(&self) {
        let mut state = self.hooks.state();
        while state.held == 0 {
            state = self.hooks.changed.wait(state).unwrap();
        }
    }

    /// How many operations with `text` in their story were let through.
    pub(crate) fn count(&self, text: &str) -> usize {
        let state = self.hooks.state();
        let stories = state.stories.iter();
        stories.filter(|story| story.contains(text)).count()
    }
}

impl Hooks {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn ask(&self, verb: &str, name: &str) -> io::Result<()> {
        let story = format!("{verb} {name}");
        let mut state = self.state();
        loop {
            let rule = state.rules.iter().find(|(text, _)| story.contains(**text));
            match rule.map(|(_, rule)| *rule) {
                None => {
                    state.stories.push(story);
                    return Ok(());
                }
                Some(Rule::Hold) => {
                    state.held += 1;
                    self.changed.notify_all();
                    state = self.changed.wait(state).unwrap();
                    state.held -= 1;
                }
                Some(Rule::Fail) => return Err(io::Error::other(format!("no {story} today"))),
                Some(Rule::Panic) => {
                    drop(state);
                    panic!("{story} panics, as asked")
                }
            }
        }
    }
}

#[derive(Debug)]
struct HookedFile {
    name: String,
    inner: Arc<dyn File>,
    hooks: Arc<Hooks>,
}

impl HookedFs {
    fn hooked(&self, name: &str, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(HookedFile {
            name: name.to_owned(),
            inner,
            hooks: Arc::clone(&self.hooks),
        })
    }
}

impl File for HookedFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.hooks.ask("write", &self.name)?;
        self.inner.append(bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.hooks.ask("write", &self.name)?;
        self.inner.write_at(offset, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, buffer)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.inner.set_len(length)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn sync(&self) -> io::Result<()> {
        self.hooks.ask("sync", &self.name)?;
        self.inner.sync()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.hooks.ask("sync", &self.name)?;
        self.inner.sync_data()
    }
}

impl Fs for HookedFs {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.hooks.ask("create", name)?;
        Ok(self.hooked(name, self.inner.create(name)?))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        Ok(self.hooked(name, self.inner.open(name, access)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.hooks.ask("remove", name)?;
        self.inner.remove(name)
    }

    fn create_dir(&self, name: &str) -> io::Result<()> {
        self.inner.create_dir(name)
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.inner.list(directory)
    }

    fn sync_dir(&self, directory: &str) -> io::Result<()> {
        self.hooks.ask("sync directory", directory)?;
        self.inner.sync_dir(directory)
    }

    fn lock(&self, name: &str, kind: LockKind) -> io::Result<Box<dyn Lock>> {
        self.inner.lock(name, kind)
    }
}
