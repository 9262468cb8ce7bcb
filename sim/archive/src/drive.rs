//! A driver: performs requests over the library `object_store`.
//!
//! A place is a URL (`s3://bucket/prefix`, `gs://..`, `az://..`, `https://..`, `file:///path`,
//! `memory:`) or the path of a directory. Clouds need the feature `cloud`; their credentials come from
//! the environment, under the names that their own tools use.
//!
//! Invariants: an object is written by one request, so a reader never sees a part of it. On a local
//! disk a written object is synced before the reply, and so is its name. A reply says that nothing has
//! happened only when that is known; otherwise it is `Unknown`, and the core finds out.
//!
//! Every call blocks, so it must not be made inside an asynchronous runtime. A program with a runtime of
//! its own performs the requests of a [`Conversation`](crate::Conversation) itself.
//!
//! Waiting and repeating after 429 and 503 is done by `object_store` for clouds, with its own limits;
//! the core then asks a few times more without waiting.

use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use crate::ask::{Listed, Objects, Reply, Request};
use crate::error::{Error, Result};

/// An object store and a prefix in it.
pub struct Place {
    runtime: Runtime,
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    url: String,
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Place({})", self.url)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}

impl Place {
    /// The place with this URL, or the directory with this path. Makes no request.
    ///
    /// # Errors
    /// [`Error::Url`].
    pub fn new(place: &str) -> Result<Self> {
        let refuse = |reason: String| Error::Url {
            url: place.to_owned(),
            reason,
        };
        let url = parse(place).map_err(refuse)?;
        let (store, prefix) = open(&url).map_err(refuse)?;
        Self::over(store, prefix, place)
    }

    /// A place in this store.
    ///
    /// # Errors
    /// [`Error::Url`] when the system refuses the runtime.
    pub fn over(store: Arc<dyn ObjectStore>, prefix: Path, url: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Url {
            url: url.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            runtime,
            store,
            prefix,
            url: url.to_owned(),
        })
    }

    fn path(&self, name: &str) -> Path {
        let parts = name.split('/').filter(|part| !part.is_empty());
        parts.fold(self.prefix.clone(), |path, part| path.join(part))
    }

    async fn answer(&self, request: &Request) -> Result<Reply, StoreError> {
        let path = self.path(request.name());
        match request {
            Request::Get { .. } => {
                let found = self.store.get(&path).await?;
                Ok(Reply::Bytes(found.bytes().await?))
            }
            Request::Create { bytes, .. } => {
                let options = PutOptions::from(PutMode::Create);
                let payload = bytes.clone().into();
                self.store.put_opts(&path, payload, options).await?;
                Ok(Reply::Done)
            }
            Request::Put { bytes, .. } => {
                self.store.put(&path, bytes.clone().into()).await?;
                Ok(Reply::Done)
            }
            Request::Delete { .. } => {
                self.store.delete(&path).await?;
                Ok(Reply::Done)
            }
            Request::List { .. } => Ok(Reply::Names(self.list(&path).await?)),
        }
    }

    async fn list(&self, path: &Path) -> Result<Vec<Listed>, StoreError> {
        use futures_util::TryStreamExt as _;
        let under = (!path.as_ref().is_empty()).then_some(path);
        let mut listing = self.store.list(under);
        let mut names = Vec::new();
        while let Some(meta) = listing.try_next().await? {
            let Some(parts) = meta.location.prefix_match(&self.prefix) else {
                continue;
            };
            let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
            names.push(Listed {
                name: parts.join("/"),
                bytes: meta.size,
            });
        }
        Ok(names)
    }
}

impl Objects for Place {
    fn perform(&self, request: &Request) -> Reply {
        match self.runtime.block_on(self.answer(request)) {
            Ok(reply) => reply,
            Err(error) => reply_of(request, &error),
        }
    }
}

/// The reply that an error is.
fn reply_of(request: &Request, error: &StoreError) -> Reply {
    let reason = in_one_line(error);
    let is_create = matches!(request, Request::Create { .. });
    let is_read = matches!(request, Request::Get { .. } | Request::Delete { .. });
    match error {
        StoreError::NotFound { .. } if is_read => Reply::Absent,
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } if is_create => {
            Reply::Exists
        }
        StoreError::Generic { .. } if is_refusal(error) => Reply::Failed(reason),
        StoreError::Generic { .. } | StoreError::JoinError { .. } => Reply::Unknown(reason),
        _ => Reply::Failed(reason),
    }
}

/// Whether the operating system has refused a local request for good.
fn is_refusal(error: &StoreError) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                error.kind(),
                ErrorKind::PermissionDenied
                    | ErrorKind::ReadOnlyFilesystem
                    | ErrorKind::NotADirectory
                    | ErrorKind::IsADirectory
            );
        }
        cause = error.source();
    }
    false
}

fn in_one_line(error: &StoreError) -> String {
    let text = error.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// The URL of a place.
fn parse(place: &str) -> Result<Url, String> {
    if place.is_empty() {
        return Err("it is empty".to_owned());
    }
    let has_scheme = place.split_once(':').is_some_and(|(scheme, rest)| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric();
        scheme.len() > 1
            && scheme.bytes().all(is_word)
            && (rest.starts_with('/') || scheme == "memory")
    });
    if has_scheme {
        return Url::parse(place).map_err(|error| error.to_string());
    }
    let path = std::path::absolute(place).map_err(|error| error.to_string())?;
    Url::from_directory_path(path).map_err(|()| "it is no path".to_owned())
}

/// The store of a URL, and the path in it.
fn open(url: &Url) -> Result<(Arc<dyn ObjectStore>, Path), String> {
    let path = || Path::from_url_path(url.path()).map_err(|error| error.to_string());
    match url.scheme() {
        "file" if url.host_str().is_some() => {
            Err("a file has no host: three slashes come before an absolute path".to_owned())
        }
        "file" => Ok((Arc::new(LocalFileSystem::new().with_fsync(true)), path()?)),
        "memory" => Ok((Arc::new(InMemory::new()), path()?)),
        _ => open_cloud(url),
    }
}

#[cfg(feature = "cloud")]
#[expect(
    clippy::disallowed_methods,
    reason = "credentials of clouds come from the environment, as their own tools take them"
)]
fn open_cloud(url: &Url) -> Result<(Arc<dyn ObjectStore>, Path), String> {
    let opened = object_store::parse_url_opts(url, std::env::vars());
    let (store, path) = opened.map_err(|error| in_one_line(&error))?;
    Ok((Arc::from(store), path))
}

#[cfg(not(feature = "cloud"))]
fn open_cloud(url: &Url) -> Result<(Arc<dyn ObjectStore>, Path), String> {
    match url.scheme() {
        "s3" | "s3a" | "gs" | "az" | "adl" | "azure" | "abfs" | "abfss" | "http" | "https" => {
            Err("this build has no clouds: build lithify with --features cloud".to_owned())
        }
        scheme => Err(format!(
            "the scheme {scheme:?} is unknown: known are file, memory, s3, gs, az, http and https"
        )),
    }
}
