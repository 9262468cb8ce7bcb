//! Requests to an object store, and conversations that make them one by one.
//!
//! The core of this package performs no input or output. A [`Conversation`] is a computation that
//! stops at every request and goes on with the reply. A driver performs the requests: over a real
//! object store (`drive`), or in a test that chooses the reply, the order, and the moment of a crash.
//!
//! Invariants: a conversation has at most one request open. It reads no clock and waits for nothing
//! but replies, so equal replies give equal requests. A dropped conversation equals a crash of its
//! process.
//!
//! This file knows nothing about archives.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::error::{Error, Result};

/// How often a request is made at most, when the store is busy or its reply is lost.
pub const ATTEMPTS: u32 = 4;

/// A request about one object, or about the names with a prefix.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// The bytes of an object.
    Get {
        /// The name.
        name: String,
    },
    /// Writes an object whose name is free. Of two such requests for one name, one fails.
    Create {
        /// The name.
        name: String,
        /// The bytes.
        bytes: Bytes,
    },
    /// Writes an object, and replaces an object of that name.
    Put {
        /// The name.
        name: String,
        /// The bytes.
        bytes: Bytes,
    },
    /// Removes an object. It is no error if there is none.
    Delete {
        /// The name.
        name: String,
    },
    /// The names that begin with `prefix`, which ends with a slash. May be out of date.
    List {
        /// The prefix.
        prefix: String,
    },
}

/// The reply to a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// To a `Get`: the bytes.
    Bytes(Bytes),
    /// To a `Get`: there is no such object.
    Absent,
    /// To a `Create`, `Put` or `Delete`: it is done and durable.
    Done,
    /// To a `Create`: the name is taken. Nothing was written.
    Exists,
    /// To a `List`.
    Names(Vec<Listed>),
    /// The store does not want the request now (429, 503). Nothing has happened.
    Busy(String),
    /// No reply: the request may have happened, or may happen later.
    Unknown(String),
    /// The request is refused for good: no permission, no such bucket. Nothing has happened.
    Failed(String),
}

/// A name in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name of the object, with the prefix.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

impl Request {
    /// The name of the object, or the prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Get { name }
            | Self::Create { name, .. }
            | Self::Put { name, .. }
            | Self::Delete { name }
            | Self::List { prefix: name } => name,
        }
    }

    /// The verb for messages.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Get { .. } => "get",
            Self::Create { .. } => "create",
            Self::Put { .. } => "put",
            Self::Delete { .. } => "delete",
            Self::List { .. } => "list",
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.verb(), self.name())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(formatter, "{} bytes", bytes.len()),
            Self::Absent => formatter.write_str("absent"),
            Self::Done => formatter.write_str("done"),
            Self::Exists => formatter.write_str("exists"),
            Self::Names(names) => write!(formatter, "{} names", names.len()),
            Self::Busy(reason) => write!(formatter, "busy: {reason}"),
            Self::Unknown(reason) => write!(formatter, "unknown: {reason}"),
            Self::Failed(reason) => write!(formatter, "failed: {reason}"),
        }
    }
}

/// An object store, as a driver sees it: performs one request after another.
pub trait Objects: Send + Sync {
    /// Performs a request and returns the reply.
    fn perform(&self, request: &Request) -> Reply;
}

/// The place where a conversation leaves its request and finds the reply.
#[derive(Debug, Default)]
struct Slot {
    request: Option<Request>,
    reply: Option<Reply>,
}

/// The end of a conversation at which the core makes its requests.
#[derive(Clone, Debug)]
pub struct Port(Arc<Mutex<Slot>>);

/// Whether a `Create` has created the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// By this request.
    New,
    /// There is an object of that name. An earlier attempt of this request may have created it.
    Exists,
}

impl Port {
    fn slot(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a request once.
    async fn once(&self, request: Request) -> Reply {
        self.slot().request = Some(request);
        std::future::poll_fn(|_| match self.slot().reply.take() {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        })
        .await
    }

    /// Makes a request until there is a reply other than `Busy` and `Unknown`.
    async fn ask(&self, request: Request) -> Result<Reply> {
        let mut may_have_happened = false;
        let mut reason = String::new();
        for _ in 0..ATTEMPTS {
            match self.once(request.clone()).await {
                Reply::Busy(why) => reason = why,
                Reply::Unknown(why) => {
                    if planted!(SilenceIsSuccess) && matches!(request, Request::Create { .. }) {
                        return Ok(Reply::Done);
                    }
                    may_have_happened = true;
                    reason = why;
                }
                Reply::Failed(why) if may_have_happened => {
                    reason = why;
                    break;
                }
                Reply::Failed(reason) => {
                    return Err(Error::Failed {
                        verb: request.verb(),
                        name: request.name().to_owned(),
                        reason,
                    });
                }
                reply => return Ok(reply),
            }
        }
        let writes = !matches!(request, Request::Get { .. } | Request::List { .. });
        Err(Error::NoReply {
            verb: request.verb(),
            name: request.name().to_owned(),
            attempts: ATTEMPTS,
            is_in_doubt: may_have_happened && writes,
            reason,
        })
    }

    /// The bytes of an object; `None` when there is no such object.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<Bytes>> {
        let name = name.to_owned();
        match self.ask(Request::Get { name: name.clone() }).await? {
            Reply::Bytes(bytes) => Ok(Some(bytes)),
            Reply::Absent => Ok(None),
            other => Err(unfit("get", &name, &other)),
        }
    }

    /// Creates an object.
    pub(crate) async fn create(&self, name: &str, bytes: Bytes) -> Result<Created> {
        let name = name.to_owned();
        let request = Request::Create {
            name: name.clone(),
            bytes,
        };
        match self.ask(request).await? {
            Reply::Done => Ok(Created::New),
            Reply::Exists => Ok(Created::Exists),
            other => Err(unfit("create", &name, &other)),
        }
    }

    /// Writes an object, or replaces it.
    pub(crate) async fn put(&self, name: &str, bytes: Bytes) -> Result<()> {
        let name = name.to_owned();
        let request = Request::Put {
            name: name.clone(),
            bytes,
        };
        match self.ask(request).await? {
            Reply::Done => Ok(()),
            other => Err(unfit("put", &name, &other)),
        }
    }

    /// Removes an object.
    pub(crate) async fn delete(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        match self.ask(Request::Delete { name: name.clone() }).await? {
            Reply::Done | Reply::Absent => Ok(()),
            other => Err(unfit("delete", &name, &other)),
        }
    }

    /// The names with a prefix, sorted.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        let prefix = prefix.to_owned();
        let request = Request::List {
            prefix: prefix.clone(),
        };
        match self.ask(request).await? {
            Reply::Names(mut names) => {
                names.sort_by(|a, b| a.name.cmp(&b.name));
                Ok(names)
            }
            other => Err(unfit("list", &prefix, &other)),
        }
    }
}

/// A reply that no such request has.
fn unfit(verb: &'static str, name: &str, reply: &Reply) -> Error {
    Error::Failed {
        verb,
        name: name.to_owned(),
        reason: format!("the store has replied {reply:?}, which is no reply to this request"),
    }
}

/// What a conversation does next.
#[derive(Debug)]
pub enum Step<T> {
    /// It makes this request and waits for the reply.
    Ask(Request),
    /// It has ended.
    Done(T),
}

/// A computation that stops at each request. See the module.
pub struct Conversation<'a, T> {
    port: Port,
    future: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
}

impl<T> fmt::Debug for Conversation<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Conversation({:?})", self.port)
    }
}

impl<'a, T> Conversation<'a, T> {
    /// A conversation that has not begun.
    pub fn new<F: Future<Output = T> + Send + 'a>(begin: impl FnOnce(Port) -> F) -> Self {
        let port = Port(Arc::default());
        let future = Box::pin(begin(port.clone()));
        Self { port, future }
    }

    /// Goes on until the next request. `reply` is the reply to the last request; `None` in the first
    /// call only.
    ///
    /// # Panics
    /// When it is called after the end, or without the reply.
    pub fn step(&mut self, reply: Option<Reply>) -> Step<T> {
        self.port.slot().reply = reply;
        let polled = self
            .future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Ready(value) => Step::Done(value),
            Poll::Pending => {
                let request = self.port.slot().request.take();
                Step::Ask(request.expect("a conversation stops only at a request"))
            }
        }
    }

    /// Performs all requests and returns the result.
    pub fn run(mut self, objects: &dyn Objects) -> T {
        let mut reply = None;
        loop {
            match self.step(reply) {
                Step::Done(value) => return value,
                Step::Ask(request) => reply = Some(objects.perform(&request)),
            }
        }
    }
}
