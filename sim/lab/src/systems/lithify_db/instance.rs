//! An open store with several clients, driven one turn at a time.
//!
//! Each commit of the plan is submitted by a client of its own, and the plan does not
//! wait for it. Several commits are in progress when the schedule gives the next turn
//! to the plan. Commits are numbered in the order of submission, so the number is known
//! at once, and a client that gets another number is wrong. Other clients start by
//! themselves, once in several commits: they sync, settle, or make a commit that must
//! be refused.
//!
//! A client may tell others what it sees. So under `synced`, a commit counts as
//! acknowledged as soon as it is visible.
//!
//! Invariant: a call of the plan returns the failure of its own clients only. Failures
//! of other clients, whose calls ended meanwhile, are kept for
//! [`Instance::take_failures`]. Two calls have no client of their own: `run` returns
//! any failure, and so does `close`, behind which nobody asks any more.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::slice;

use lithify::stepped::{Request, SteppedDb, TaskId};
use lithify::transaction::Draft;
use lithify::{Commit, Durability, Error, History, Snapshot, WriteBatch};

use super::client::{Call, Client, REFUSED};
use super::settings::{Chosen, Clients, Transactions};
use super::transactions::{self, Recent};
use crate::history::{Batch, State, apply};
use crate::reads::{Answer, Question};
use crate::system::{Account, Call as PlanCall, Equality, Failure, Instance, Piece, Pinned};
use crate::systems::lithify::{
    Promise, Reader, SETTLE_STEPS, SETTLE_STEPS_OF_A_COMMIT, batch_with, counted, failure,
    pieces_of, reads_of_snapshots, state_of,
};

/// Turns that settling may take for each step that a store with one owner would take.
const TURNS_OF_A_STEP: u64 = 10;

/// The largest number of failures that one call may meet.
const MAX_FAILURES: usize = 1000;

/// The store's own threads.
const THREADS: [(&str, TaskId); 2] = [
    ("standby", SteppedDb::STANDBY),
    ("compactor", SteppedDb::COMPACTOR),
];

pub(super) struct Open {
    db: SteppedDb,
    chosen: Chosen,
    clients: Vec<Client>,
    /// Submitted commits that are not visible yet.
    handed_over: BTreeMap<u64, Batch>,
    /// Commits that are durable when their calls end.
    durable: BTreeSet<u64>,
    /// The number of the last submitted commit.
    accepted: u64,
    /// The newest commit that was visible.
    seen: u64,
    acknowledged: u64,
    /// Whether a client was told of a failure. Later submissions are refused.
    has_failed: bool,
    /// The errors of the disk that clients were told of, and that no call of the plan
    /// has returned yet.
    failures: Vec<(TaskId, Failure)>,
    is_closing: bool,
    /// For each kind of other client: the newest commit when such a client last
    /// started.
    came_up: BTreeMap<&'static str, u64>,
    /// The number of turns so far.
    turns: u64,
    recent: Recent,
    /// The groups that became visible, as commits of a store with one owner.
    groups: Vec<PlanCall>,
}

impl Open {
    pub(super) fn new(db: SteppedDb, chosen: Chosen) -> Self {
        let head = db.head().get();
        Self {
            db,
            chosen,
            clients: Vec::new(),
            handed_over: BTreeMap::new(),
            durable: BTreeSet::new(),
            accepted: head,
            seen: head,
            acknowledged: 0,
            has_failed: false,
            failures: Vec::new(),
            is_closing: false,
            came_up: BTreeMap::new(),
            turns: 0,
            recent: Recent::default(),
            groups: Vec::new(),
        }
    }

    fn keeps_all(&self) -> bool {
        let placement = self.chosen.options.placement.as_ref();
        placement.is_none_or(|placement| placement.history == History::All)
    }

    fn is_synced(&self) -> bool {
        self.chosen.promise == Promise::Synced
    }

    /// Whether the commit of a client is durable when its call ends.
    fn is_durable(&self, call: Call) -> bool {
        match call {
            Call::Commit(number) | Call::Transaction(number) => self.durable.contains(&number),
            _ => false,
        }
    }

    /// All clients and threads that may take a turn, in the order in which they came.
    fn ready(&self) -> Vec<String> {
        let clients = self.clients.iter();
        let clients = clients.filter(|client| self.db.may_go(client.task));
        let threads = THREADS.iter().filter(|(_, task)| self.db.may_go(*task));
        let clients = clients.map(|client| client.name.clone());
        clients
            .chain(threads.map(|(name, _)| (*name).to_owned()))
            .collect()
    }

    /// The clients that may start now: each kind once for every fourth commit.
    fn others(&self) -> Vec<(&'static str, String)> {
        let kinds = [
            ("sync", 3, self.chosen.has_others && !self.is_synced()),
            ("settle", 1, self.chosen.has_others),
            ("refused", 2, self.chosen.has_refused),
            (
                "conflict",
                0,
                self.chosen.transactions != Transactions::None,
            ),
        ];
        let head = self.accepted;
        let comes_up = |(kind, rest, is_there): &(&'static str, u64, bool)| {
            *is_there && head % 4 == *rest && self.came_up.get(kind) != Some(&head)
        };
        let kinds = kinds.into_iter().filter(comes_up);
        let kinds = kinds.filter(|_| !self.has_failed);
        kinds
            .map(|(kind, ..)| (kind, format!("{kind}-{head}")))
            .collect()
    }

    fn come_up(&mut self, kind: &'static str, name: String) -> Result<(), Failure> {
        self.came_up.insert(kind, self.accepted);
        // A range that the client keeps until its call has begun.
        let mut held = None;
        let (task, call) = match kind {
            "conflict" => {
                let brought = transactions::disturbed(&self.db, &self.recent, self.turns)?;
                let Some(brought) = brought else {
                    return Ok(());
                };
                held = brought.held;
                let call = brought.read.map_or(Call::Conflict, Call::ReadOnly);
                (self.start(Request::Transaction(brought.draft))?, call)
            }
            "sync" => (self.start(Request::Sync)?, Call::Sync(self.accepted)),
            "settle" => (self.start(Request::Settle)?, Call::Settle),
            _ => (Client::start_refused(&mut self.db)?, Call::Refused),
        };
        let outcome = self.go(task, name, call);
        drop(held);
        outcome
    }

    fn start(&mut self, request: Request<'_>) -> Result<TaskId, Failure> {
        self.db.start(request).map_err(failure)
    }

    /// The first turn of a client: it submits its call, unless there is no room.
    fn go(&mut self, task: TaskId, name: String, call: Call) -> Result<(), Failure> {
        let client = Client {
            task,
            name: name.clone(),
            call,
            turns: 0,
        };
        self.clients.push(client);
        self.give_turn(&name)
    }

    /// Gives a turn to a client or a thread that may take one, and checks the result.
    /// An error of the disk that a client is told of is kept.
    ///
    /// # Errors
    /// A wrong result.
    fn give_turn(&mut self, name: &str) -> Result<(), Failure> {
        self.turns += 1;
        let position = self.clients.iter().position(|client| client.name == name);
        let Some(position) = position else {
            let thread = THREADS.iter().find(|(thread, _)| *thread == name);
            let outcome = thread.and_then(|(_, task)| self.db.turn(*task));
            outcome.transpose().map_err(failure)?;
            return self.look();
        };
        let client = &mut self.clients[position];
        client.turns += 1;
        let Some(outcome) = self.db.turn(client.task) else {
            return self.look();
        };
        let client = self.clients.remove(position);
        if self.is_closing && client.call == Call::Settle && matches!(outcome, Err(Error::Closed)) {
            // No caller waits for a compactor that was told to end.
            return self.look();
        }
        let told = client.told(&self.db, outcome, self.is_durable(client.call));
        match client.gives_back(&self.db, &told) {
            Some(number) => self.take_back(number),
            // The store continues although it could not check the reads of the
            // transaction.
            None if client.call == Call::Conflict && self.db.poison().is_none() => {}
            None => self.has_failed |= matches!(told, Err(Failure::Disk(_) | Failure::Damage(_))),
        }
        match told {
            Ok(commit) => self.acknowledged = self.acknowledged.max(commit),
            Err(failure @ Failure::Other(_)) => return Err(failure),
            Err(failure) => self.failures.push((client.task, failure)),
        }
        self.look()
    }

    /// Checks what all clients can see after a turn.
    fn look(&mut self) -> Result<(), Failure> {
        let head = self.db.head().get();
        if head < self.seen || head > self.accepted.max(self.seen) {
            return Err(Failure::Other(format!(
                "the newest commit was {}, and is {head} of {} that were handed over",
                self.seen, self.accepted
            )));
        }
        self.check_room(head)?;
        if head > self.seen {
            self.groups
                .push(PlanCall::Commit((head - self.seen) as usize));
            self.seen = head;
            self.handed_over.retain(|commit, _| *commit > head);
        }
        if self.is_synced() {
            self.acknowledged = self.acknowledged.max(head);
        }
        Ok(())
    }

    /// A group may only become visible if there was room for it: the compactor was not
    /// too far behind the commit before the group, or had no work left for that commit.
    /// The compactor only gets further, so it is enough to ask it now.
    fn check_room(&self, head: u64) -> Result<(), Failure> {
        let pressure = self.db.pressure();
        let group = head.saturating_sub(self.seen);
        let knows_all = pressure.lag_commits <= group;
        let backlog = pressure.backlog_commits.saturating_sub(group);
        let has_stopped = self.is_closing || self.db.poison().is_some();
        if group == 0 || knows_all || has_stopped || backlog <= pressure.max_backlog_commits {
            return Ok(());
        }
        Err(Failure::Other(format!(
            "commit {head} is visible, and the compactor was {backlog} commits behind, of {} that it may be",
            pressure.max_backlog_commits
        )))
    }

    /// Gives turns until `is_done`, by the rule for turns inside a call. False if no
    /// task may take a turn any more, or if it takes too long.
    fn drive(&mut self, is_done: impl Fn(&Self) -> bool) -> Result<bool, Failure> {
        let steps = SETTLE_STEPS + SETTLE_STEPS_OF_A_COMMIT * self.accepted;
        for _ in 0..TURNS_OF_A_STEP * steps {
            if is_done(self) {
                return Ok(true);
            }
            let ready = self.ready();
            if ready.is_empty() {
                return Ok(false);
            }
            let next = self.chosen.order.pick(ready.len(), self.turns);
            self.give_turn(&ready[next])?;
        }
        Ok(is_done(self))
    }

    /// Gives turns until the call of this client has ended, and returns its failure.
    fn finish(&mut self, task: TaskId) -> Result<(), Failure> {
        self.drive_on(|open| !open.db.is_under_way(task))?;
        self.failure_of(task)
    }

    /// The failure of this client, if its call has ended with one.
    fn failure_of(&mut self, task: TaskId) -> Result<(), Failure> {
        let position = self.failures.iter().position(|(client, _)| *client == task);
        position.map_or(Ok(()), |position| Err(self.failures.remove(position).1))
    }

    /// The first failure of any client.
    fn any_failure(&mut self) -> Result<(), Failure> {
        let mut failures = std::mem::take(&mut self.failures).into_iter();
        failures.next().map_or(Ok(()), |(_, failure)| Err(failure))
    }

    fn hangs(&self) -> Failure {
        let hangs = || "a call does not come to its end".to_owned();
        Failure::Other(self.stuck().unwrap_or_else(hangs))
    }

    /// Lets every client submit before the next client starts: a client that waits for
    /// room must not be overtaken.
    fn let_in(&mut self) -> Result<(), Failure> {
        let has_handed_in = |open: &Self| {
            let mut clients = open.clients.iter();
            clients.all(|client| open.db.has_handed_in(client.task))
        };
        match self.drive(has_handed_in)? {
            true => Ok(()),
            false => Err(self.hangs()),
        }
    }

    /// Submits a commit, and returns its client.
    ///
    /// # Errors
    /// The failure of this client, if it is known already.
    fn hand_over(&mut self, batch: &Batch, is_alone: bool) -> Result<TaskId, Failure> {
        self.let_in()?;
        let number = self.accepted + 1;
        let writes = batch_with(batch, self.chosen.promise);
        let waits = match self.chosen.clients {
            Clients::Waiting => true,
            Clients::Async => false,
            Clients::Mixed => number.is_multiple_of(2),
        };
        let transaction = match is_alone {
            true => self.transaction(number, batch)?,
            false => None,
        };
        // The outcome of a transaction that has read is known only at its end, so no
        // client submits before that.
        let has_read = transaction.is_some() && self.keeps_all();
        let is_durable = match &transaction {
            // A transaction has the durability of the store.
            Some(_) => self.chosen.options.durability == Durability::Synced,
            None => self.chosen.promise.syncs(slice::from_ref(batch)),
        };
        let task = self.start(match transaction {
            Some(draft) => Request::Transaction(draft),
            None if waits => Request::Commit(slice::from_ref(&writes)),
            None if number % 4 == 1 => Request::CommitAwaited(&writes),
            None => Request::CommitAsync(&writes),
        })?;
        self.accepted = number;
        if is_durable {
            self.durable.insert(number);
        }
        self.recent.add(number, batch);
        self.handed_over.insert(number, batch.clone());
        let call = match has_read {
            true => Call::Transaction(number),
            false => Call::Commit(number),
        };
        self.go(task, format!("commit-{number}"), call)?;
        // Either the store has failed, or this transaction has read: its outcome is
        // awaited at once.
        if self.has_failed || has_read {
            self.finish(task)?;
        }
        Ok(task)
    }

    /// The commit with the last submitted number was not taken.
    fn take_back(&mut self, number: u64) {
        assert_eq!(number, self.accepted, "others came behind a transaction");
        self.accepted = number - 1;
        self.handed_over.remove(&number);
        self.recent.remove_last();
    }

    /// The commit as a transaction, if it must be one.
    fn transaction(&self, number: u64, batch: &Batch) -> Result<Option<Draft>, Failure> {
        let every = match self.chosen.transactions {
            Transactions::None => return Ok(None),
            Transactions::Some => 3,
            Transactions::All => 1,
        };
        if !number.is_multiple_of(every) || self.has_failed || batch.writes.is_empty() {
            return Ok(None);
        }
        transactions::undisturbed(&self.db, &self.recent, (number, batch), self.keeps_all())
    }

    fn read(&self, snapshot: &Snapshot) -> Result<Option<State>, Failure> {
        let keyspaces = snapshot.keyspaces();
        if let Some(left) = keyspaces.iter().find(|name| name.starts_with(REFUSED)) {
            return Err(Failure::Other(format!(
                "a refused commit has left the keyspace {left} behind"
            )));
        }
        match state_of(snapshot) {
            Ok(state) => Ok(Some(state)),
            Err(Error::Thinned { .. }) => Ok(None),
            Err(error) => Err(failure(error)),
        }
    }
}

impl Instance for Open {
    fn commit(&mut self, batches: &[Batch]) -> Result<u64, Failure> {
        // The batches of one call are submitted together, so no single batch of them may
        // be waited for.
        let is_alone = batches.len() == 1;
        let mut tasks = Vec::new();
        let outcome = batches.iter().try_for_each(|batch| {
            tasks.push(self.hand_over(batch, is_alone)?);
            Ok(())
        });
        self.wind_up(outcome)?;
        tasks
            .into_iter()
            .try_for_each(|task| self.failure_of(task))?;
        Ok(self.head())
    }

    /// The last submitted commit; after a failure, the last visible commit.
    fn head(&self) -> u64 {
        match self.has_failed {
            true => self.db.head().get(),
            false => self.accepted,
        }
    }

    fn sync(&mut self) -> Result<(), Failure> {
        let outcome = self.sync_at_once();
        self.wind_up(outcome)
    }

    fn state_at(&mut self, commit: u64) -> Result<Option<State>, Failure> {
        let head = self.db.head().get();
        if commit < head {
            let snapshot = self.db.snapshot_at(Commit::new(commit)).map_err(failure)?;
            return self.read(&snapshot);
        }
        let mut state = self.read(&self.db.snapshot())?;
        if let Some(state) = &mut state {
            let under_way = self.handed_over.range(..=commit);
            under_way.for_each(|(_, batch)| apply(state, batch));
        }
        Ok(state)
    }

    /// Only if no commit is in progress: a submitted commit is in no snapshot yet.
    fn ask(&mut self, question: &Question) -> Result<Option<Answer>, Failure> {
        if !self.handed_over.is_empty() {
            return Ok(None);
        }
        reads_of_snapshots(question, self.db.head(), |at| self.db.snapshot_at(at))
    }

    fn pin(&mut self, commit: u64) -> Result<Option<Box<dyn Pinned>>, Failure> {
        if commit > self.db.head().get() {
            return Ok(None);
        }
        let head = self.db.head().get();
        let snapshot = self.db.snapshot_at(Commit::new(commit)).map_err(failure)?;
        Ok(Some(Box::new(Reader::of(snapshot, head, Rc::default()))))
    }

    fn tasks(&self) -> Vec<String> {
        let mut tasks = self.ready();
        tasks.extend(self.others().into_iter().map(|(_, name)| name));
        tasks
    }

    fn run(&mut self, task: &str) -> Result<(), Failure> {
        if self.ready().iter().any(|ready| ready == task) {
            let outcome = self.give_turn(task);
            self.wind_up(outcome)?;
            return self.any_failure();
        }
        let others = self.others().into_iter();
        let mut meant = others.filter(|(_, name)| name == task);
        match meant.next() {
            Some((kind, name)) => {
                let outcome = self.let_in().and_then(|()| self.come_up(kind, name));
                self.wind_up(outcome)?;
                self.any_failure()
            }
            None => Ok(()),
        }
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    fn take_failures(&mut self) -> Vec<Failure> {
        let failures = std::mem::take(&mut self.failures).into_iter();
        failures.map(|(_, failure)| failure).collect()
    }

    fn stuck(&self) -> Option<String> {
        if !self.ready().is_empty() || self.clients.is_empty() {
            return None;
        }
        let names: Vec<&str> = self.clients.iter().map(|it| it.name.as_str()).collect();
        Some(format!(
            "{} waits, and nothing is left that could end the wait",
            names.join(", ")
        ))
    }

    fn settle(&mut self) -> Result<bool, Failure> {
        let outcome = self.settle_at_once();
        let wound_up = self.wind_up(Ok(()));
        outcome.and_then(|has_ended| wound_up.map(|()| has_ended))
    }

    fn layout(&self) -> Option<Vec<Piece>> {
        Some(pieces_of(&self.db.layout()))
    }

    fn layout_details(&self) -> Option<String> {
        let ranges = self.db.readable_commits();
        Some(format!("{}readable {ranges:?}\n", self.db.layout()))
    }

    fn progress(&self) -> String {
        let clients = self.clients.iter();
        let clients: Vec<_> = clients.map(|it| (&it.name, it.turns)).collect();
        let stats = self.db.stats();
        format!(
            "{:?} {clients:?} {} {:?} {:?}",
            self.db,
            stats.counters.steps,
            self.came_up,
            self.db.pressure()
        )
    }

    fn files(&self) -> Option<BTreeSet<String>> {
        Some(self.db.files().into_iter().collect())
    }

    /// The counts of a store with one owner that commits the same groups. Syncs that
    /// clients ask for may share a group with commits; this is not visible from
    /// outside.
    fn equalities(&self, account: &Account<'_>) -> Vec<Equality> {
        let account = Account {
            calls: &self.groups,
            ..*account
        };
        let mut equalities = counted(
            (&self.chosen.options, self.chosen.promise),
            &self.db.stats(),
            &self.db.layout(),
            &account,
        );
        if !self.is_synced() {
            equalities.retain(|equality| equality.what != "syncs of WAL files");
        }
        equalities
    }

    /// Closes the store while commits are in progress.
    fn close(mut self: Box<Self>) -> Result<(), Failure> {
        self.let_in()?;
        self.is_closing = true;
        let task = self.start(Request::Stop)?;
        let stopped = self.go(task, "stop".to_owned(), Call::Stop);
        let mut late = WriteBatch::new();
        late.put("a", b"late", b"late");
        let late = self.start(match self.accepted % 4 {
            0 => Request::Commit(slice::from_ref(&late)),
            2 => Request::Sync,
            _ => Request::CommitAsync(&late),
        })?;
        let refused = self.go(late, "late".to_owned(), Call::Late);
        let ended = self.drive_on(|open| !open.db.is_under_way(task) && open.has_ended());
        let closed = self.db.close().map_err(failure);
        // A task that may still take turns comes to its end, and must do nothing more.
        let head = self.db.head();
        let left = self.drive_on(|open| open.clients.is_empty());
        let outcome = stopped.and(refused).and(ended).and(closed).and(left);
        let outcome = outcome.and(self.any_failure());
        match self.db.head() == head {
            true => outcome,
            false => Err(Failure::Other(format!(
                "the store was closed at commit {head}, and commit {} came afterwards",
                self.db.head()
            ))),
        }
    }
}

impl Open {
    /// After a failure, all calls in progress end before the client continues. Only
    /// then is it certain which of their commits are visible.
    fn wind_up(&mut self, outcome: Result<(), Failure>) -> Result<(), Failure> {
        if !self.has_failed {
            return outcome;
        }
        let wound_up = self.drive_on(|open| open.clients.is_empty());
        outcome.and(wound_up)
    }

    fn sync_at_once(&mut self) -> Result<(), Failure> {
        self.let_in()?;
        let task = self.start(Request::Sync)?;
        self.go(task, "sync".to_owned(), Call::Sync(self.accepted))?;
        self.finish(task)
    }

    fn settle_at_once(&mut self) -> Result<bool, Failure> {
        self.let_in()?;
        if !self.drive(|open| open.clients.is_empty())? {
            return Ok(false);
        }
        let task = self.start(Request::Settle)?;
        self.go(task, "settle".to_owned(), Call::Settle)?;
        self.finish(task)?;
        let settled = self.db.stats().counters.steps;
        let has_ended = self.drive(|open| open.ready().is_empty())?;
        match self.db.stats().counters.steps - settled {
            0 => Ok(has_ended),
            steps => Err(Failure::Other(format!(
                "settling has come to its end, and {steps} steps were left to do"
            ))),
        }
    }

    /// Gives turns until `is_done`, whatever goes wrong, and returns what went wrong
    /// first.
    fn drive_on(&mut self, is_done: impl Fn(&Self) -> bool) -> Result<(), Failure> {
        let mut first = Ok(());
        for _ in 0..MAX_FAILURES {
            match self.drive(&is_done) {
                Ok(true) => return first,
                Ok(false) => return first.and(Err(self.hangs())),
                Err(failure) => first = first.and(Err(failure)),
            }
        }
        first
    }

    /// Whether the threads of the store have ended.
    fn has_ended(&self) -> bool {
        THREADS.iter().all(|(_, task)| !self.db.is_under_way(*task))
    }
}
