//! Actors over one world: who makes the next step, and what happens to the request.

use std::sync::{Arc, Mutex};

use lithify::Commit;
use lithify::read::KeyRange;
use lithify_archive::plan::Reach;
use lithify_archive::{
    Archive, Conversation, Error, Number, Reply, Request, Result, Step, View, Writer,
};

use crate::choices::Choices;
use crate::history::{History, KEYS, KEYSPACES};
use crate::world::World;

/// What actors have seen and claimed, in the order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The writer with this number acknowledges a commit.
    Acknowledged(usize, Commit),
    /// A reader has opened the archive and sees this commit as the newest.
    Opened(usize, Commit),
    /// A reader begins to open the archive.
    Opening(usize),
    /// The value of a key in a keyspace at a commit.
    Value(&'static str, &'static str, Commit, Option<Vec<u8>>),
    /// The pairs of a keyspace at a commit.
    Pairs(&'static str, Commit, Vec<(Vec<u8>, Vec<u8>)>),
    /// The commits up to a commit.
    Commits(Commit, History),
    /// An actor has ended with an error.
    Failed(usize, String),
}

pub(crate) type Journal = Arc<Mutex<Vec<Event>>>;

/// What an actor does.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// Pushes a history, at most this many commits in one object, then writes the windows.
    Write { history: History, most: usize },
    /// The same, and then trims.
    WriteAndTrim { history: History, most: usize },
    /// Trims.
    Trim,
    /// Opens the archive and reads everything, in several ways.
    Read,
    /// Opens the archive and reads in each way once.
    Look,
}

/// The bounds of a play.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How often an actor is left that could go on.
    pub(crate) switches: usize,
    /// How many requests meet a fault.
    pub(crate) faults: usize,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Done,
    /// Done, and the reply is lost.
    Silent,
    /// Not done, and no reply.
    Lost,
    /// Not done now, and no reply; done at a later time.
    Late,
    /// Refused with 429 or 503.
    Busy,
    /// Done, and then the process dies.
    DiesAfter,
    /// Not done: the process dies.
    DiesBefore,
    /// A list that is out of date.
    Stale(usize),
}

const FAULTS: [Fate; 6] = [
    Fate::Silent,
    Fate::Lost,
    Fate::Late,
    Fate::Busy,
    Fate::DiesAfter,
    Fate::DiesBefore,
];

struct Actor {
    conversation: Conversation<'static, Result<()>>,
    /// The open request; `None` when the actor has ended.
    request: Option<Request>,
}

/// Runs actors to their end. Late requests that were not performed yet are performed last, or never.
pub(crate) fn play(
    world: &mut World,
    roles: &[Role],
    bounds: Bounds,
    journal: &Journal,
    choices: &mut dyn Choices,
) {
    let mut actors: Vec<Actor> = Vec::new();
    for (number, role) in roles.iter().enumerate() {
        let mut conversation = act(number, role.clone(), journal);
        let request = advance(&mut conversation, None, number, journal);
        actors.push(Actor {
            conversation,
            request,
        });
    }
    let (mut switches, mut faults) = (bounds.switches, bounds.faults);
    let mut late: Vec<Request> = Vec::new();
    let mut current = 0;
    loop {
        let going: Vec<usize> = (0..actors.len())
            .filter(|it| actors[*it].request.is_some())
            .collect();
        if going.is_empty() {
            break;
        }
        if !late.is_empty() && switches > 0 && choices.choose(2) == 1 {
            switches -= 1;
            world.perform(&late.remove(0));
        }
        if actors[current].request.is_none() {
            current = going[choices.choose(going.len())];
        } else if switches > 0 && going.len() > 1 {
            let chosen = choices.choose(going.len());
            if chosen > 0 {
                switches -= 1;
                let others: Vec<usize> = going.into_iter().filter(|it| *it != current).collect();
                current = others[chosen - 1];
            }
        }
        let actor = &mut actors[current];
        let request = actor.request.take().expect("the actor goes on");
        let fate = fate_of(&request, &mut faults, choices);
        let reply = match fate {
            Fate::Done => Some(world.perform(&request)),
            Fate::Silent => {
                world.perform(&request);
                Some(Reply::Unknown("the reply was lost".to_owned()))
            }
            Fate::Lost => Some(Reply::Unknown("the request was lost".to_owned())),
            Fate::Late => {
                late.push(request);
                Some(Reply::Unknown("the request is late".to_owned()))
            }
            Fate::Busy => Some(Reply::Busy("slow down".to_owned())),
            Fate::DiesAfter => {
                world.perform(&request);
                None
            }
            Fate::DiesBefore => None,
            Fate::Stale(age) => Some(world.stale_list(request.name(), age)),
        };
        if let Some(reply) = reply {
            actor.request = advance(&mut actor.conversation, Some(reply), current, journal);
        }
    }
    for request in late {
        if choices.choose(2) == 1 {
            world.perform(&request);
        }
    }
}

fn fate_of(request: &Request, faults: &mut usize, choices: &mut dyn Choices) -> Fate {
    if *faults == 0 {
        return Fate::Done;
    }
    let is_list = matches!(request, Request::List { .. });
    let stale = [Fate::Stale(1), Fate::Stale(3)];
    let fates: Vec<Fate> = std::iter::once(Fate::Done)
        .chain(FAULTS)
        .chain(stale.into_iter().filter(|_| is_list))
        .collect();
    let chosen = choices.choose(fates.len());
    *faults -= usize::from(chosen > 0);
    fates[chosen]
}

/// Goes on to the next request; `None` at the end.
fn advance(
    conversation: &mut Conversation<'static, Result<()>>,
    reply: Option<Reply>,
    number: usize,
    journal: &Journal,
) -> Option<Request> {
    match conversation.step(reply) {
        Step::Ask(request) => Some(request),
        Step::Done(Ok(())) => None,
        Step::Done(Err(error)) => {
            let event = Event::Failed(number, kind_of(&error));
            journal.lock().unwrap().push(event);
            None
        }
    }
}

/// The variant of an error, and its text.
fn kind_of(error: &Error) -> String {
    let kind = match error {
        Error::NoReply { .. } => "no reply",
        Error::Raced { .. } => "raced",
        Error::Store(_) => "store",
        _ => "other",
    };
    format!("{kind}: {error}")
}

fn act(number: usize, role: Role, journal: &Journal) -> Conversation<'static, Result<()>> {
    let journal = Arc::clone(journal);
    Conversation::new(move |port| async move {
        let note = |event| journal.lock().unwrap().push(event);
        if matches!(role, Role::Read | Role::Look) {
            note(Event::Opening(number));
        }
        // A small cache: most reads reach the store.
        let archive = Archive::open(&port, 0).await?;
        match role {
            Role::Write { history, most } => {
                write(&port, archive, number, &history, most, &note).await
            }
            Role::WriteAndTrim { history, most } => {
                write(&port, archive.clone(), number, &history, most, &note).await?;
                archive.trim(&port, 0).await.map(|_| ())
            }
            Role::Trim => archive.trim(&port, 0).await.map(|_| ()),
            Role::Read => read(&port, &archive, number, &note).await,
            Role::Look => look(&port, &archive, number, &note).await,
        }
    })
}

async fn write(
    port: &lithify_archive::Port,
    archive: Archive,
    number: usize,
    history: &History,
    most: usize,
    note: &impl Fn(Event),
) -> Result<()> {
    // Every writer draws a number of its own.
    let mut writer = Writer::open(port, archive, Number(1000 + number as u128)).await?;
    loop {
        let head = writer.reach().head;
        let Some(rest) = history
            .get(head.get() as usize..)
            .filter(|rest| !rest.is_empty())
        else {
            break;
        };
        let count = writer.push(port, &rest[..rest.len().min(most)]).await?;
        for changes in &rest[..count] {
            note(Event::Acknowledged(number, changes.commit));
        }
    }
    writer.settle(port).await?;
    Ok(())
}

async fn read(
    port: &lithify_archive::Port,
    archive: &Archive,
    number: usize,
    note: &impl Fn(Event),
) -> Result<()> {
    let mut reach = Reach::default();
    archive.look(port, &mut reach).await?;
    note(Event::Opened(number, reach.head));
    for at in [reach.head, Commit::new(reach.head.get() / 2)] {
        let view = View::new(archive, &reach, at)?;
        for keyspace in KEYSPACES {
            for key in KEYS {
                let value = view.get(port, keyspace, key.as_bytes()).await?;
                note(Event::Value(keyspace, key, at, value.map(Vec::from)));
            }
            let pairs = view.range(port, keyspace, &KeyRange::all()).await?;
            let pairs = pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()));
            note(Event::Pairs(keyspace, at, pairs.collect()));
        }
        let mut changes = view.changes_since(Commit::ZERO);
        let mut commits = Vec::new();
        while let Some(more) = changes.next(port).await? {
            commits.extend(more);
        }
        note(Event::Commits(at, commits));
    }
    Ok(())
}

async fn look(
    port: &lithify_archive::Port,
    archive: &Archive,
    number: usize,
    note: &impl Fn(Event),
) -> Result<()> {
    let mut reach = Reach::default();
    archive.look(port, &mut reach).await?;
    note(Event::Opened(number, reach.head));
    let (keyspace, key) = (KEYSPACES[0], KEYS[2]);
    let earlier = View::new(archive, &reach, Commit::new(reach.head.get() / 2))?;
    let value = earlier.get(port, keyspace, key.as_bytes()).await?;
    note(Event::Value(
        keyspace,
        key,
        earlier.commit(),
        value.map(Vec::from),
    ));
    let view = View::new(archive, &reach, reach.head)?;
    let pairs = view.range(port, keyspace, &KeyRange::all()).await?;
    let pairs = pairs
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()));
    note(Event::Pairs(keyspace, reach.head, pairs.collect()));
    let mut changes = view.changes_since(Commit::ZERO);
    let mut commits = Vec::new();
    while let Some(more) = changes.next(port).await? {
        commits.extend(more);
    }
    note(Event::Commits(reach.head, commits));
    Ok(())
}
