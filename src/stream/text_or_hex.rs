//! Bytes for serde in formats that have only text, such as JSON: a string if the bytes are UTF-8, and
//! otherwise an object `{"hex":"00ff"}`. For `#[serde(with = "lithify::stream::text_or_hex")]`.

use std::fmt::Write as _;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Hex {
    hex: String,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string or {\"hex\":\"..\"}")]
enum Form {
    Text(String),
    #[serde(deserialize_with = "from_object")]
    Hex(Vec<u8>),
}

/// Writes bytes.
///
/// # Errors
/// The errors of the serializer.
pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if let Ok(text) = str::from_utf8(bytes) {
        return serializer.serialize_str(text);
    }
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    Hex { hex }.serialize(serializer)
}

/// Reads either form.
///
/// # Errors
/// The errors of the deserializer, and another form.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    Ok(match Form::deserialize(deserializer)? {
        Form::Text(text) => text.into_bytes(),
        Form::Hex(bytes) => bytes,
    })
}

fn from_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let Hex { hex } = Hex::deserialize(deserializer)?;
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let pairs = hex.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    bytes.ok_or_else(|| D::Error::custom("hex needs an even number of hexadecimal digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Bytes(#[serde(with = "super")] Vec<u8>);

    #[test]
    fn bytes_survive_json() {
        for bytes in [
            &b""[..],
            b"text",
            "h\u{e9}".as_bytes(),
            b"\xff\x00",
            b"a\xc3",
        ] {
            let bytes = Bytes(bytes.to_vec());
            let text = serde_json::to_string(&bytes).unwrap();
            let back: Bytes = serde_json::from_str(&text).unwrap();
            assert_eq!(back, bytes, "{text}");
        }
    }

    #[test]
    fn malformed_bytes_are_refused() {
        for text in [
            "1",
            "{}",
            r#"{"hex":"0"}"#,
            r#"{"hex":"+1"}"#,
            r#"{"hex":"00","x":1}"#,
        ] {
            assert!(serde_json::from_str::<Bytes>(text).is_err(), "{text}");
        }
    }
}
