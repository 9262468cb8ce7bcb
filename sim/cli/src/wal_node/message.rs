//! Envelopes: parsing a request, and writing an answer.
//!
//! An answer has its keys in the order of the protocol's samples, `msg_id` last, and a
//! space after each colon and comma.

use super::super::lines;
use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::ser::Formatter;
use serde_json::{Map, Value};

/// Why a request was not done: an error code of Maelstrom, and a text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) text: String,
}

/// The codes in use. Maelstrom calls all codes but `Crash` definite: nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    NodeNotFound = 1,
    NotSupported = 10,
    TemporarilyUnavailable = 11,
    Malformed = 12,
    /// It is not known whether the request was done.
    Crash = 13,
    NoSuchKey = 20,
    PreconditionFailed = 22,
}

impl Code {
    pub(super) fn because(self, text: impl Into<String>) -> Refusal {
        Refusal {
            code: self,
            text: text.into(),
        }
    }
}

/// The fields of an answer, in order.
pub(super) type Fields = Vec<(&'static str, Json)>;

/// A JSON value whose objects keep the order of their fields.
pub(super) enum Json {
    Plain(Value),
    Object(Fields),
    List(Vec<Json>),
}

impl<T: Into<Value>> From<T> for Json {
    fn from(value: T) -> Self {
        Self::Plain(value.into())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(value) => value.serialize(serializer),
            Self::Object(fields) => Ordered(fields).serialize(serializer),
            Self::List(values) => values.serialize(serializer),
        }
    }
}

/// A request, as far as it was understood: a missing part is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) src: String,
    pub(super) dest: String,
    pub(super) msg_id: Option<Value>,
    pub(super) kind: String,
    body: Map<String, Value>,
}

impl Request {
    /// Parses a line. If the request is refused, also returns the parsed part, which
    /// the answer's envelope needs.
    pub(super) fn parse(line: &[u8]) -> (Self, Result<(), Refusal>) {
        let mut request = Self::default();
        let outcome = request.fill(line);
        (request, outcome)
    }

    fn fill(&mut self, line: &[u8]) -> Result<(), Refusal> {
        lines::has_room(line).map_err(|text| Code::TemporarilyUnavailable.because(text))?;
        let value: Value = lines::parse(line.trim_ascii_end(), "JSON")
            .map_err(|fault| Code::Malformed.because(format!("the line is {fault}")))?;
        let Value::Object(mut envelope) = value else {
            return Err(Code::Malformed.because("the line is no JSON object"));
        };
        // Parses all parts before any of them is refused, because the answer needs
        // them.
        let src = text("src", envelope.remove("src"));
        let dest = text("dest", envelope.remove("dest"));
        let body = match envelope.remove("body") {
            Some(Value::Object(body)) => Ok(body),
            Some(_) => Err(Code::Malformed.because("body must be an object")),
            None => Err(missing("body")),
        };
        self.src = src.clone().unwrap_or_default();
        self.dest = dest.clone().unwrap_or_default();
        let mut body = body?;
        let msg_id = body.remove("msg_id");
        let kind = text("type", body.remove("type"));
        self.msg_id = msg_id.clone().filter(Value::is_u64);
        self.body = body;
        src.and(dest)?;
        if msg_id.is_some() && self.msg_id.is_none() {
            return Err(Code::Malformed.because("msg_id must be a number from 0"));
        }
        self.kind = kind?;
        Ok(())
    }

    /// A field of any kind.
    pub(super) fn field(&self, name: &str) -> Result<&Value, Refusal> {
        self.body
            .get(name)
            .ok_or_else(|| missing(&format!("{name} of {}", self.kind)))
    }

    /// A field that must be a string.
    pub(super) fn text(&self, name: &str) -> Result<&str, Refusal> {
        self.field(name)?.as_str().ok_or_else(|| {
            Code::Malformed.because(format!("{name} of {} must be a string", self.kind))
        })
    }

    /// A field that must be a whole number in a range.
    pub(super) fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, Refusal> {
        let number = self.field(name)?.as_u64();
        number.filter(|it| range.contains(it)).ok_or_else(|| {
            Code::Malformed.because(format!(
                "{name} of {} must be a whole number from {} to {}",
                self.kind,
                range.start(),
                range.end()
            ))
        })
    }

    /// A field that must be a list.
    pub(super) fn list(&self, name: &str) -> Result<&[Value], Refusal> {
        match self.field(name)? {
            Value::Array(values) => Ok(values),
            _ => Err(Code::Malformed.because(format!("{name} of {} must be a list", self.kind))),
        }
    }
}

fn missing(name: &str) -> Refusal {
    Code::Malformed.because(format!("the field {name} is missing"))
}

/// A string in the envelope.
fn text(name: &str, value: Option<Value>) -> Result<String, Refusal> {
    match value {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Code::Malformed.because(format!("{name} must be a string"))),
        None => Err(missing(name)),
    }
}

/// A line of output.
pub(super) struct Answer<'answer> {
    pub(super) src: &'answer str,
    pub(super) dest: &'answer str,
    pub(super) kind: String,
    pub(super) in_reply_to: Option<Value>,
    pub(super) fields: Fields,
    pub(super) msg_id: u64,
}

/// An object with its keys in this order.
struct Ordered<'fields>(&'fields [(&'static str, Json)]);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Answer<'_> {
    /// The line, without its end.
    pub(super) fn line(self) -> Vec<u8> {
        let mut body: Fields = vec![("type", self.kind.into())];
        if let Some(request) = self.in_reply_to {
            body.push(("in_reply_to", request.into()));
        }
        body.extend(self.fields);
        body.push(("msg_id", self.msg_id.into()));
        let mut line = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut line, Spaced);
        let mut write = || {
            let mut map = serializer.serialize_map(Some(3))?;
            map.serialize_entry("src", self.src)?;
            map.serialize_entry("dest", self.dest)?;
            map.serialize_entry("body", &Ordered(&body))?;
            map.end()
        };
        write().expect("values of JSON can be written to memory");
        line
    }
}

/// Writes a space after each comma and colon.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        is_first: bool,
    ) -> io::Result<()> {
        writer.write_all(if is_first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        is_first: bool,
    ) -> io::Result<()> {
        writer.write_all(if is_first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
