//! The running pair: commits, messages, and the exchange of roles.

use std::rc::Rc;
use std::sync::Arc;

use lithify::fs::Fs;
use lithify::{Commit, Error, Options, Replica, Step, Store};

use super::roles::{self, Opened};
use super::wire::Wire;
use super::{inside, stranger};
use crate::history::{Batch, State};
use crate::planted;
use crate::reads::{Answer, Question};
use crate::system::{Failure, Instance, Piece, Pinned};
use crate::systems::lithify::{Reader, batch_of, failure, pieces_of, reads_of_store, state_of};

const SEND: &str = "send";
const STEP: &str = "step";
const EXCHANGE: &str = "exchange";

pub(super) struct Pair {
    fs: Arc<dyn Fs>,
    options: Options,
    /// The directories of primary and replica.
    places: [&'static str; 2],
    /// `None` only between two steps of an exchange of roles.
    stores: Option<(Store, Replica)>,
    /// All commits up to this one are durable in the primary.
    durable: Commit,
    wire: Wire,
    may_work: bool,
    /// The newest commit when roles were last exchanged: one exchange per commit is
    /// enough.
    exchanged: u64,
}

impl Pair {
    /// Opens both stores in their roles, and compares them.
    pub(super) fn open(fs: Arc<dyn Fs>, options: &Options) -> Result<Self, Failure> {
        let Opened { places, stores } = roles::open(&fs, options)?;
        let durable = stores.0.head();
        let mut pair = Self {
            fs,
            options: options.clone(),
            places,
            stores: Some(stores),
            durable,
            wire: Wire::default(),
            may_work: true,
            exchanged: 0,
        };
        pair.compare_histories()?;
        Ok(pair)
    }

    fn stores(&mut self) -> Result<&mut (Store, Replica), Failure> {
        let stopped = || Failure::Disk("an exchange of roles has failed: open again".to_owned());
        self.stores.as_mut().ok_or_else(stopped)
    }

    fn primary(&self) -> Option<&Store> {
        self.stores.as_ref().map(|(primary, _)| primary)
    }

    /// Checks that the replica holds a prefix of the primary's history. This always
    /// holds on disks that keep their promises.
    fn compare_histories(&mut self) -> Result<(), Failure> {
        let (primary, replica) = self.stores()?;
        check_heads(primary, replica)?;
        let known = replica.store().head().get() as usize;
        let changes = primary.changes_since(Commit::ZERO).map_err(failure)?;
        for changes in changes.take(known) {
            let changes = changes.map_err(failure)?;
            let diverged = |error: Error| Failure::Damage(error.to_string());
            replica.apply(&changes).map_err(diverged)?;
        }
        Ok(())
    }

    /// The next commit that may be sent.
    fn next_to_send(&self) -> Option<Commit> {
        let (primary, replica) = self.stores.as_ref()?;
        let last = match planted::is_active("sent-before-durable") {
            true => primary.head(),
            false => self.durable,
        };
        let mut missing = replica.store().head().get() + 1..=last.get();
        let next = missing.find(|&commit| self.wire.wants(commit));
        next.map(Commit::new)
    }

    fn send(&mut self) -> Result<(), Failure> {
        let Some(next) = self.next_to_send() else {
            return Ok(());
        };
        let (primary, _) = self.stores()?;
        let mut changes = primary.changes_since(next.minus(1)).map_err(failure)?;
        if let Some(changes) = changes.next() {
            let changes = changes.map_err(failure)?;
            self.wire.send(next.get(), changes);
        }
        Ok(())
    }

    /// Delivers a message. If it comes too early, it is refused and sent again later.
    fn deliver(&mut self, commit: u64) -> Result<(), Failure> {
        let Some(changes) = self.wire.take(commit) else {
            return Ok(());
        };
        let (_, replica) = self.stores()?;
        match replica.apply(&changes) {
            Err(Error::Gap { .. }) => self.wire.refuse(commit),
            outcome => {
                outcome.map_err(failure)?;
                self.wire.accept();
            }
        }
        Ok(())
    }

    fn is_caught_up(&self) -> bool {
        let heads = |(primary, replica): &(Store, Replica)| {
            (primary.head() == replica.store().head() && primary.head() == self.durable)
                || planted::is_active("promoted-behind")
        };
        self.stores.as_ref().is_some_and(heads)
    }

    /// The old primary becomes a replica first, so that there are never two primaries.
    fn exchange(&mut self) -> Result<(), Failure> {
        let Some((primary, mut replica)) = self.stores.take() else {
            return Ok(());
        };
        self.wire.clear();
        replica.sync().map_err(failure)?;
        primary.close().map_err(failure)?;
        let [old, _] = self.places;
        let demote = || Replica::open(inside(&self.fs, old), self.options.clone());
        let (primary, replica) = if planted::is_active("both-promoted") {
            let primary = replica.promote().map_err(failure)?;
            (primary, demote().map_err(failure)?)
        } else {
            let demoted = demote().map_err(failure)?;
            (replica.promote().map_err(failure)?, demoted)
        };
        // Reopening the old primary may have brought back commits that its disk had
        // hidden.
        check_heads(&primary, &replica)?;
        self.durable = primary.head();
        self.exchanged = self.durable.get();
        self.stores = Some((primary, replica));
        self.places.reverse();
        self.may_work = true;
        Ok(())
    }

    /// Sends and delivers everything.
    fn catch_up(&mut self) -> Result<(), Failure> {
        self.sync()?;
        self.wire.clear();
        while let Some(next) = self.next_to_send() {
            self.send()?;
            self.deliver(next.get())?;
        }
        Ok(())
    }
}

/// Checks that a replica has no commit that its primary lacks. Only a disk that hid or
/// lost commits can cause that.
fn check_heads(primary: &Store, replica: &Replica) -> Result<(), Failure> {
    let (head, replica_head) = (primary.head(), replica.store().head());
    if replica_head <= head {
        return Ok(());
    }
    Err(Failure::Damage(format!(
        "the replica has commit {replica_head}, its primary only {head}"
    )))
}

impl Instance for Pair {
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure> {
        let is_synced = self.options.durability == lithify::Durability::Synced;
        let batches: Vec<_> = batches.iter().map(batch_of).collect();
        let (primary, _) = self.stores()?;
        let commit = primary.commit_group(&batches).map_err(failure)?;
        if is_synced {
            self.durable = commit;
        }
        self.may_work = true;
        Ok(commit.get())
    }

    fn head(&self) -> u64 {
        self.primary().map_or(0, |primary| primary.head().get())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        let (primary, _) = self.stores()?;
        primary.sync().map_err(failure)?;
        self.durable = Commit::new(self.head());
        Ok(())
    }

    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure> {
        let (primary, _) = self.stores()?;
        let snapshot = primary.snapshot_at(Commit::new(commit)).map_err(failure)?;
        Ok(Some(state_of(&snapshot).map_err(failure)?))
    }

    /// A replica that has all commits answers for both stores, because users read from
    /// replicas.
    fn ask(&mut self, question: &Question) -> Result<Option<Answer>, Failure> {
        let (primary, replica) = self.stores()?;
        let store = match replica.store().head() == primary.head() {
            true => replica.store(),
            false => &*primary,
        };
        reads_of_store(store, question)
    }

    /// Readers of commits that the replica has are opened on the replica, as in real
    /// use.
    fn pin(&mut self, commit: u64) -> Result<Option<Box<dyn Pinned>>, Failure> {
        let (primary, replica) = self.stores()?;
        let commit = Commit::new(commit);
        let store = match commit <= replica.store().head() {
            true => replica.store(),
            false => &*primary,
        };
        let snapshot = store.snapshot_at(commit).map_err(failure)?;
        let head = store.head().get();
        Ok(Some(Box::new(Reader::of(snapshot, head, Rc::default()))))
    }

    fn tasks(&self) -> Vec<String> {
        let deliveries = self.wire.commits().map(|it| format!("deliver-{it}"));
        let mut tasks: Vec<String> = deliveries.collect();
        if self.next_to_send().is_some() {
            tasks.push(SEND.to_owned());
        }
        if self.wire.is_empty() && self.is_caught_up() && self.head() > self.exchanged {
            tasks.push(EXCHANGE.to_owned());
        }
        if self.may_work {
            tasks.push(STEP.to_owned());
        }
        tasks
    }

    fn run(&mut self, task: &str) -> Result<(), Failure> {
        match (task, task.strip_prefix("deliver-")) {
            (SEND, _) => self.send(),
            (STEP, _) => {
                let (primary, _) = self.stores()?;
                let step = primary.step().map_err(failure)?;
                self.may_work = step != Step::Idle;
                Ok(())
            }
            (EXCHANGE, _) if self.is_caught_up() => self.exchange(),
            (_, Some(commit)) => commit.parse().map_or(Ok(()), |commit| self.deliver(commit)),
            _ => Ok(()),
        }
    }

    fn lose(&mut self, task: &str) {
        let commit = task.strip_prefix("deliver-").map(str::parse);
        if let Some(Ok(commit)) = commit {
            self.wire.take(commit);
        }
    }

    /// Settles both stores when everything has arrived, and compares them.
    fn settle(&mut self) -> Result<bool, Failure> {
        self.catch_up()?;
        let options = self.options.clone();
        let (primary, replica) = self.stores()?;
        primary.settle().map_err(failure)?;
        replica.settle().map_err(failure)?;
        stranger::offer(replica, &options)?;
        let (one, other) = (primary.layout(), replica.store().layout());
        if one.to_string() != other.to_string() {
            return Err(Failure::Other(format!(
                "at commit {} the primary has\n{one}and its replica\n{other}",
                primary.head()
            )));
        }
        let states = (
            state_of(&primary.snapshot()),
            state_of(&replica.store().snapshot()),
        );
        let is_same = states.0.map_err(failure)? == states.1.map_err(failure)?;
        self.may_work = false;
        match is_same {
            true => Ok(true),
            false => Err(Failure::Other(format!(
                "at commit {} the replica reads other values than its primary",
                self.head()
            ))),
        }
    }

    fn layout(&self) -> Option<Vec<Piece>> {
        self.primary().map(|primary| pieces_of(&primary.layout()))
    }

    fn layout_details(&self) -> Option<String> {
        self.primary().map(|primary| primary.layout().to_string())
    }

    /// The layout is the primary's, so this text includes the replica's layout, and the
    /// steps of both stores: most steps merge in memory and are not visible elsewhere.
    fn progress(&self) -> String {
        let steps = |store: &Store| (store.stats().counters.steps, store.lag());
        let stores = self.stores.as_ref().map(|(primary, replica)| {
            let replica = replica.store();
            (steps(primary), steps(replica), replica.layout().to_string())
        });
        format!(
            "{:?} {} {} {} {stores:?}",
            self.places, self.wire, self.durable, self.exchanged
        )
    }

    fn close(mut self: Box<Self>) -> Result<(), Failure> {
        self.stores()?;
        let (primary, replica) = self.stores.take().expect("checked above");
        primary.close().map_err(failure)?;
        replica.close().map_err(failure)
    }
}
