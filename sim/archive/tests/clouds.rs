//! The driver over the protocol of S3: only with the feature `cloud`.
//!
//! Goal: conditional creation, lost replies, 503, 403 and a wrong bucket mean to the core what they
//! are. Method: a server in this process that speaks as much of S3 as the driver needs, over the
//! loopback interface, without a cloud. It cannot show that a cloud is as S3's documents say.

#![cfg(feature = "cloud")]
#![allow(
    clippy::disallowed_methods,
    reason = "the server has a thread, which ends with the process"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use lithify::fs::MemFs;
use lithify::read::KeyRange;
use lithify::{Commit, Options, Placement, Store, WriteBatch};
use lithify_archive::{Error, Place, Reader, push, restore, verify};
use object_store::aws::AmazonS3Builder;

/// What the server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Well,
    /// The first request for each object is answered with 503.
    Busy,
    /// Each object is created, and the connection closed without a reply.
    Silent,
    /// Every request is answered with 403.
    Forbidden,
}

#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Vec<u8>>,
    seen: std::collections::BTreeSet<String>,
    requests: Vec<String>,
}

/// A reply: the status, and the body. `None` closes the connection.
type Answer = Option<(u16, Vec<u8>)>;

struct Request {
    method: String,
    path: String,
    query: String,
    is_creation: bool,
    body: Vec<u8>,
}

/// Starts a server with the bucket `stones`, and returns its objects and the place `stones/S`.
fn server(manner: Manner) -> (Arc<Mutex<Bucket>>, Arc<Place>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let bucket = Arc::new(Mutex::new(Bucket::default()));
    let shared = Arc::clone(&bucket);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap(), &shared, manner);
        }
    });
    (bucket, place(&endpoint, "stones"))
}

fn place(endpoint: &str, bucket: &str) -> Arc<Place> {
    let store = AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_bucket_name(bucket)
        .with_region("here")
        .with_access_key_id("key")
        .with_secret_access_key("secret")
        .build()
        .unwrap();
    Arc::new(Place::over(Arc::new(store), "S".into(), "s3://stones/S").unwrap())
}

fn serve(mut stream: TcpStream, bucket: &Mutex<Bucket>, manner: Manner) {
    let Some(request) = read(&stream) else {
        return;
    };
    let answer = answer(&mut bucket.lock().unwrap(), &request, manner);
    let Some((status, body)) = answer else {
        return;
    };
    let head = format!(
        "HTTP/1.1 {status} it\r\nContent-Length: {}\r\nETag: \"1\"\r\nLast-Modified: Tue, 01 Dec 2026 \
         00:00:00 GMT\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader
        .read_line(&mut line)
        .ok()
        .filter(|length| *length > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut request = Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        is_creation: false,
        body: Vec::new(),
    };
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        request.is_creation |= header == "if-none-match: *";
        if let Some(length) = header.strip_prefix("content-length: ") {
            request.body = vec![0; length.parse().ok()?];
        }
    }
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

fn answer(bucket: &mut Bucket, request: &Request, manner: Manner) -> Answer {
    let Request {
        method,
        path,
        query,
        ..
    } = request;
    bucket.requests.push(format!("{method} {path}?{query}"));
    if manner == Manner::Forbidden {
        return error(403, "AccessDenied");
    }
    let Some(key) = path.strip_prefix("/stones") else {
        return error(404, "NoSuchBucket");
    };
    let key = key.trim_start_matches('/').to_owned();
    if manner == Manner::Busy && bucket.seen.insert(format!("{method} {path}")) {
        return error(503, "SlowDown");
    }
    match method.as_str() {
        "GET" if key.is_empty() => Some((200, list(bucket, query).into_bytes())),
        "GET" => match bucket.objects.get(&key) {
            Some(bytes) => Some((200, bytes.clone())),
            None => error(404, "NoSuchKey"),
        },
        "PUT" if request.is_creation && bucket.objects.contains_key(&key) => {
            error(412, "PreconditionFailed")
        }
        "PUT" => {
            bucket.objects.insert(key, request.body.clone());
            (!(manner == Manner::Silent && request.is_creation)).then_some((200, Vec::new()))
        }
        "POST" => Some((200, delete(bucket, &request.body).into_bytes())),
        "DELETE" => {
            bucket.objects.remove(&key);
            Some((204, Vec::new()))
        }
        other => panic!("{other} {path}"),
    }
}

fn error(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
    Some((status, body.into_bytes()))
}

fn list(bucket: &Bucket, query: &str) -> String {
    let mut fields = query.split('&').filter_map(|field| field.split_once('='));
    let prefix = fields
        .find(|field| field.0 == "prefix")
        .map_or("", |field| field.1);
    let prefix = prefix.replace("%2F", "/");
    let listed = bucket
        .objects
        .iter()
        .filter(|(key, _)| key.starts_with(&prefix));
    let contents: String = listed
        .map(|(key, bytes)| {
            let size = bytes.len();
            format!(
                "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>1</ETag>\
                 <LastModified>2026-12-01T00:00:00.000Z</LastModified></Contents>"
            )
        })
        .collect();
    format!("<ListBucketResult>{contents}</ListBucketResult>")
}

/// Several objects in one request.
fn delete(bucket: &mut Bucket, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let mut deleted = String::new();
    for part in body.split("<Key>").skip(1) {
        let key = part.split("</Key>").next().unwrap();
        bucket.objects.remove(key);
        deleted += &format!("<Deleted><Key>{key}</Key></Deleted>");
    }
    format!("<DeleteResult>{deleted}</DeleteResult>")
}

fn store(commits: u64) -> Store {
    let options = Options {
        placement: Some(Placement::with_divisor(2).unwrap()),
        ..Options::default()
    };
    let mut store = Store::open(Arc::new(MemFs::new()), options).unwrap();
    fill(&mut store, commits);
    store
}

fn fill(store: &mut Store, commits: u64) {
    for _ in 0..commits {
        let number = store.head().get() + 1;
        let mut batch = WriteBatch::new();
        batch.put("stones", &[b'k', number as u8 % 5], &number.to_le_bytes());
        store.commit(&batch).unwrap();
    }
}

fn round(manner: Manner) {
    let (bucket, place) = server(manner);
    let mut store = store(5);
    assert_eq!(push(&*place, &mut store).unwrap().commits, 5, "{manner:?}");
    fill(&mut store, 4);
    assert_eq!(push(&*place, &mut store).unwrap().commits, 4, "{manner:?}");
    let reader = Reader::open(place.clone()).unwrap();
    for at in (0..=9).map(Commit::new) {
        let ours = store.range_at("stones", KeyRange::all(), at).unwrap();
        let ours: Vec<_> = ours.map(Result::unwrap).collect();
        let theirs = reader
            .snapshot_at(at)
            .unwrap()
            .range("stones", &KeyRange::all());
        assert_eq!(theirs.unwrap(), ours);
    }
    let trimmed = reader.trim().unwrap();
    // The window of 4 commits is inside that of 8.
    assert_eq!(trimmed.windows, 1, "{manner:?}");
    assert!(
        !bucket
            .lock()
            .unwrap()
            .objects
            .contains_key("S/window/02/00000000000000000004")
    );
    let verified = verify(&*place).unwrap();
    assert!(
        verified.damage.is_empty() && verified.foreign.is_empty(),
        "{verified:?}"
    );
    let fs: Arc<dyn lithify::fs::Fs> = Arc::new(MemFs::new());
    assert_eq!(restore(&reader, &fs, None).unwrap(), Commit::new(9));
}

#[test]
fn an_archive_in_a_bucket() {
    round(Manner::Well);
}

#[test]
fn a_busy_store_is_asked_again() {
    round(Manner::Busy);
}

/// The writer finds out that the object is its own.
#[test]
fn a_lost_reply_is_found_out() {
    round(Manner::Silent);
}

#[test]
fn refusals_are_one_line() {
    let (_, forbidden) = server(Manner::Forbidden);
    let denied = push(&*forbidden, &mut store(1)).unwrap_err();
    assert!(matches!(denied, Error::Failed { .. }), "{denied}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let bucket = Arc::new(Mutex::new(Bucket::default()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap(), &bucket, Manner::Well);
        }
    });
    let elsewhere = place(&endpoint, "metals");
    let missing = Reader::open(elsewhere.clone()).unwrap_err();
    assert!(matches!(missing, Error::NoArchive { .. }), "{missing}");
    let wrong = push(&*elsewhere, &mut store(1)).unwrap_err();
    assert!(matches!(wrong, Error::Failed { .. }), "{wrong}");
    for error in [denied, missing, wrong] {
        println!("{error}");
        assert!(!error.to_string().contains('\n'));
    }
}
