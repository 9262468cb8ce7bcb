//! Versions: the segments that exist at one moment.
//!
//! A version is immutable once it is shared. Readers hold a version and are not disturbed by
//! commits, merges or retention. A file is removed only when no version that names it is held. A
//! change copies nothing when no other holder shares the version.
//!
//! Invariants: the roots of a keyspace are ordered by commit and disjoint; no root straddles an
//! aligned edge of a level up to its own. This module performs no I/O.

mod chunks;
mod forest;
mod hidden;
mod node;

use chunks::Chunks;
pub(crate) use forest::forest;
pub(crate) use hidden::Hidden;
pub(crate) use node::{Input, Node, Part};

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::align::Window;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::names::Names;
use crate::segment::{KeyspaceId, Segment, SegmentId};
use crate::thresholds::Thresholds;

/// The live segments of one keyspace, oldest first.
pub(crate) type Roots = Chunks<Arc<Node>>;

/// The existing segments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Version {
    head: Commit,
    names: Arc<Names>,
    roots: Chunks<Roots>,
    /// Whether the placement keeps all of history.
    keeps_all: bool,
    /// The sizes of the pieces in which reads work.
    thresholds: Thresholds,
    /// The hidden commits, in a store that was opened in spite of damage.
    hidden: Option<Arc<Hidden>>,
    /// Shared with every version that was made from this one, and with every version from which
    /// this one was made.
    family: Arc<()>,
}

impl Version {
    /// A version without segments.
    pub(crate) fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            ..Self::default()
        }
    }

    /// The sizes of the pieces in which reads work.
    pub(crate) fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// The newest commit.
    pub(crate) fn head(&self) -> Commit {
        self.head
    }

    /// Whether another version of this store is still held.
    pub(crate) fn has_relatives(&self) -> bool {
        Arc::strong_count(&self.family) > 1
    }

    /// Whether merges keep the whole history.
    pub(crate) fn keeps_all(&self) -> bool {
        self.keeps_all
    }

    /// The number of the keyspace with this name.
    pub(crate) fn keyspace(&self, name: &str) -> Option<KeyspaceId> {
        self.names.number(name)
    }

    /// The names of all keyspaces, in order of their numbers.
    pub(crate) fn keyspace_names(&self) -> &[Arc<str>] {
        self.names.as_slice()
    }

    pub(crate) fn keyspace_name(&self, keyspace: KeyspaceId) -> &Arc<str> {
        &self.names.as_slice()[keyspace as usize]
    }

    /// The live segments of a keyspace, oldest first.
    pub(crate) fn roots(&self, keyspace: KeyspaceId) -> &Roots {
        self.roots
            .get(keyspace as usize)
            .expect("every keyspace has a list of roots")
    }

    /// The live segments of every keyspace, in order of keyspace number.
    pub(crate) fn all_roots(&self) -> impl Iterator<Item = (KeyspaceId, &Roots)> {
        let roots = self.roots.iter().enumerate();
        roots.map(|(id, roots)| (id as KeyspaceId, roots))
    }

    /// Calls `visit` on every segment, live or kept below a live one.
    pub(crate) fn for_each_segment(&self, mut visit: impl FnMut(&Arc<Segment>)) {
        for node in self.roots.iter().flat_map(|roots| roots.iter()) {
            node.for_each(&mut visit);
        }
    }

    /// The segments that a read of `keyspace` at `at` needs, newest first.
    ///
    /// # Errors
    /// [`Error::BeyondHead`] and [`Error::Thinned`].
    pub(crate) fn cover(&self, keyspace: KeyspaceId, at: Commit) -> Result<Vec<Arc<Segment>>> {
        self.check_exists(at)?;
        let mut cover = Vec::new();
        for node in self.roots_until(keyspace, at) {
            if !node.cover(at, &mut cover) {
                return Err(self.thinned(keyspace, at));
            }
        }
        Ok(cover)
    }

    /// The live segments that hold commits up to `at`, newest first.
    pub(crate) fn roots_until(
        &self,
        keyspace: KeyspaceId,
        at: Commit,
    ) -> impl Iterator<Item = &Node> {
        let roots = self.roots(keyspace).iter().rev();
        roots
            .map(|node| &**node)
            .skip_while(move |node| node.meta().first > at)
    }

    /// The segments below one live segment that a read at `at` needs, newest first.
    ///
    /// # Errors
    /// [`Error::Thinned`].
    pub(crate) fn cover_of(
        &self,
        keyspace: KeyspaceId,
        node: &Node,
        at: Commit,
    ) -> Result<Vec<Arc<Segment>>> {
        let mut cover = Vec::new();
        if node.cover(at, &mut cover) {
            Ok(cover)
        } else {
            Err(self.thinned(keyspace, at))
        }
    }

    /// Refuses commits that do not exist yet.
    pub(crate) fn check_exists(&self, at: Commit) -> Result<()> {
        if at > self.head {
            if let Some(refusal) = self.hidden.as_ref().and_then(|it| it.refusal_of_end()) {
                return Err(refusal);
            }
            return Err(Error::BeyondHead {
                commit: at,
                head: self.head,
            });
        }
        Ok(())
    }

    /// The segments that state exactly the writes of each commit after `from` up to `to`, in order
    /// of keyspace number and commit.
    ///
    /// # Errors
    /// [`Error::Thinned`].
    pub(crate) fn exact(&self, from: Commit, to: Commit) -> Result<Vec<Part>> {
        if let Some(hidden) = self.hidden.as_ref().filter(|hidden| hidden.from <= to) {
            return Err(hidden.refusal());
        }
        let mut parts = Vec::new();
        for (keyspace, roots) in self.all_roots() {
            for node in roots.iter() {
                let known = node.exact(from, to, &mut parts);
                known.map_err(|commit| self.thinned(keyspace, commit))?;
            }
        }
        Ok(parts)
    }

    /// The segments that hold the known writes of the commits up to `to`, in the order of commits.
    /// If the exact writes are known, these are the segments that hold them. If retention has
    /// removed an input, or an input is damaged, it is the live segment alone: the other inputs
    /// without this one could bring back deleted keys. Also returns the commits at which the state
    /// is unknown for that reason.
    pub(crate) fn known(
        &self,
        to: Commit,
        is_damaged: impl Fn(SegmentId) -> bool,
    ) -> (Vec<Part>, Vec<RangeInclusive<Commit>>) {
        let (mut parts, mut thinned) = (Vec::new(), Vec::new());
        let nodes = self.all_roots().flat_map(|(_, roots)| roots.iter());
        for node in nodes.filter(|node| node.meta().first <= to) {
            let before = parts.len();
            let is_known = node.exact(Commit::ZERO, to, &mut parts).is_ok();
            let is_input = |part: &&Part| !Arc::ptr_eq(&part.segment, &node.segment);
            let mut inputs = parts[before..].iter().filter(is_input);
            if !is_known || inputs.any(|part| is_damaged(part.segment.meta.id())) {
                parts.truncate(before);
                parts.push(Part {
                    segment: Arc::clone(&node.segment),
                    after: Commit::ZERO,
                    until: to,
                });
                thinned.push(node.meta().first..=node.meta().floor.minus(1));
            }
        }
        (parts, thinned)
    }

    /// The newest commit of which anything is known. It differs from the head when one lost commit
    /// stands for an unknown number of them.
    pub(crate) fn known_head(&self) -> Commit {
        let hidden = self.hidden.as_ref();
        let is_end_unknown = hidden.is_some_and(|hidden| hidden.end.is_some());
        self.head.minus(u64::from(is_end_unknown))
    }

    /// The refusal of a commit, with the nearest readable commits.
    fn thinned(&self, keyspace: KeyspaceId, at: Commit) -> Error {
        mark!(ReadThinned);
        let (mut before, mut after) = (None, None);
        for range in self.readable_commits(Some(keyspace)) {
            if *range.start() < at {
                before = Some((*range.end()).min(at.minus(1)));
            }
            if *range.end() > at && after.is_none() {
                after = Some((*range.start()).max(at.next()));
            }
        }
        Error::Thinned {
            commit: at,
            before,
            after,
        }
    }

    /// The ranges of commits that cannot be read, ascending and disjoint: in one keyspace, or in at
    /// least one of all keyspaces.
    fn gaps(&self, keyspace: Option<KeyspaceId>) -> Vec<RangeInclusive<u64>> {
        let mut gaps = Vec::new();
        for (id, roots) in self.all_roots() {
            if keyspace.is_none_or(|keyspace| keyspace == id) {
                roots.iter().for_each(|node| node.gaps(&mut gaps));
            }
        }
        gaps.sort_by_key(|gap| *gap.start());
        let mut joined: Vec<RangeInclusive<u64>> = Vec::new();
        for gap in gaps {
            match joined.last_mut() {
                Some(last) if *gap.start() <= last.end() + 1 => {
                    *last = *last.start()..=*last.end().max(gap.end());
                }
                _ => joined.push(gap),
            }
        }
        joined
    }

    /// The commits that can be read, ascending and disjoint: in one keyspace, or in all keyspaces
    /// at once.
    pub(crate) fn readable_commits(
        &self,
        keyspace: Option<KeyspaceId>,
    ) -> Vec<RangeInclusive<Commit>> {
        let mut readable = Vec::new();
        let mut from = 1;
        for gap in self.gaps(keyspace) {
            if from < *gap.start() {
                readable.push(Commit::new(from)..=Commit::new(gap.start() - 1));
            }
            from = gap.end() + u64::from(!planted!(ReadableOneEarly));
        }
        if from <= self.head.get() {
            readable.push(Commit::new(from)..=self.head);
        }
        readable
    }

    // Changes. Each change keeps the invariants. Other threads see none of them until the changed
    // version is shared.

    /// Adds a keyspace, which gets the next number.
    pub(crate) fn add_keyspace(&mut self, name: Arc<str>) -> KeyspaceId {
        self.roots.push(Roots::default());
        Arc::make_mut(&mut self.names).add(name)
    }

    /// Adds the segments of the next commit.
    pub(crate) fn add_commit(&mut self, commit: Commit, segments: Vec<Arc<Segment>>) {
        assert_eq!(
            commit,
            self.head.next(),
            "commits join the index one after another"
        );
        self.head = commit;
        for segment in segments {
            assert_eq!(
                segment.meta.window.end, commit,
                "a segment of level 0 holds its own commit"
            );
            self.roots_mut(segment.meta.keyspace)
                .push(Node::leaf(segment));
        }
    }

    /// Sets the head and the segments of a store that is being opened, and whether the store keeps
    /// its whole history.
    pub(crate) fn restore(&mut self, head: Commit, roots: Vec<Vec<Arc<Node>>>, keeps_all: bool) {
        self.head = head;
        self.keeps_all = keeps_all;
        assert_eq!(
            roots.len(),
            self.names.len(),
            "a keyspace without its segments, or the other way round"
        );
        self.roots = roots.into_iter().map(Chunks::from_iter).collect();
    }

    /// Replaces the live segments inside the window of `output` by `output`. Returns their number.
    pub(crate) fn replace_window(&mut self, output: Arc<Node>) -> usize {
        let window = output.meta().window;
        let roots = self.roots_mut(output.meta().keyspace);
        let inside = inside_window(roots, window);
        let inputs = inside.len();
        let before = (inside.start.checked_sub(1)).and_then(|index| roots.get(index));
        assert!(
            before.is_none_or(|node| node.meta().last <= window.start),
            "window {window} begins inside {:?}",
            before.map(|node| node.meta().id())
        );
        assert!(
            roots
                .get(inside.end)
                .is_none_or(|node| node.meta().first > window.end),
            "window {window} ends inside {:?}",
            roots.get(inside.end).map(|node| node.meta().id())
        );
        roots.replace(inside, output);
        inputs
    }

    fn roots_mut(&mut self, keyspace: KeyspaceId) -> &mut Roots {
        self.roots.get_mut(keyspace as usize)
    }
}

/// The positions of the live segments that lie inside `window`.
pub(crate) fn inside_window(roots: &Roots, window: Window) -> std::ops::Range<usize> {
    let start = roots.partition_point(|node| node.meta().first <= window.start);
    let end = roots.partition_point(|node| node.meta().last <= window.end);
    start..end
}
