//! The state machine of `wal-node`: payloads are `set k=v` and `del k`.

use std::collections::BTreeMap;

use crate::parts::machine::{Machine, put, take};

/// Keys and values. Other payloads than `set k=v` and `del k` change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pairs: BTreeMap<String, String>,
}

impl Texts {
    /// The keys and values, sorted by key.
    #[must_use]
    pub fn pairs(&self) -> &BTreeMap<String, String> {
        &self.pairs
    }

    fn apply_text(&mut self, text: &str) {
        if let Some((key, value)) = text
            .strip_prefix("set ")
            .and_then(|assignment| assignment.split_once('='))
            .filter(|(key, _)| !key.is_empty())
        {
            self.pairs.insert(key.to_owned(), value.to_owned());
        } else if let Some(key) = text.strip_prefix("del ") {
            self.pairs.remove(key);
        }
    }
}

impl Machine for Texts {
    fn apply(&mut self, payload: &[u8]) -> Result<(), String> {
        if let Ok(text) = std::str::from_utf8(payload) {
            self.apply_text(text);
        }
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (key, value) in &self.pairs {
            put(&mut bytes, key.as_bytes());
            put(&mut bytes, value.as_bytes());
        }
        bytes
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, String> {
        let text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec()).map_err(|error| format!("no text: {error}"))
        };
        let mut pairs = BTreeMap::new();
        while !bytes.is_empty() {
            let key = text(take(&mut bytes)?)?;
            pairs.insert(key, text(take(&mut bytes)?)?);
        }
        Ok(Self { pairs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_set_delete_or_change_nothing() {
        let mut texts = Texts::default();
        let payloads: [&[u8]; 8] = [
            b"set x=1",
            b"set y=a=b",
            b"set z=",
            b"del x",
            b"set =1",
            b"get y",
            b"set w",
            &[0xff],
        ];
        for payload in payloads {
            texts.apply(payload).expect("no payload is refused");
        }
        let pairs: Vec<_> = texts.pairs().iter().collect();
        assert_eq!(
            pairs,
            [
                (&"y".to_owned(), &"a=b".to_owned()),
                (&"z".to_owned(), &String::new())
            ]
        );
        assert_eq!(Texts::decode(&texts.encode()), Ok(texts));
    }
}
