//! `--sarif`: the findings as SARIF 2.1.0 (OASIS), which code scanning reads.
//!
//! A rule is an oracle, a result is a signature. The fingerprint of a result follows from its
//! signature, so that a reader knows it again when another seed shows it. The file holds only
//! what a reader of results needs: no source code, no times, and nothing of the machine.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::facts::{Excuse, Facts, Finding};

/// The whole file.
pub(super) fn document(facts: &Facts) -> String {
    let rules: Vec<Value> = (facts.rules.iter())
        .map(|rule| json!({ "id": rule.id, "shortDescription": { "text": rule.about } }))
        .collect();
    let results = facts.findings.iter().map(|finding| result(facts, finding));
    let results: Vec<Value> = results.collect();
    let counts = facts.counts.iter();
    let counts = counts.map(|(name, count)| ((*name).to_owned(), json!(count)));
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": facts.command,
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            // Lets a reader tell the runs of several systems apart.
            "automationDetails": { "id": format!("{}/", facts.title()) },
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation(facts)],
            "results": results,
            "properties": counts.collect::<serde_json::Map<_, _>>(),
        }],
    });
    format!("{document:#}\n")
}

/// Whether the run has done all that was asked for.
fn invocation(facts: &Facts) -> Value {
    let notifications = facts.shortfall.iter().map(
        |shortfall| json!({ "level": shortfall.level(), "message": { "text": shortfall.message } }),
    );
    let notifications: Vec<Value> = notifications.collect();
    json!({
        "executionSuccessful": notifications.is_empty(),
        "toolExecutionNotifications": notifications,
    })
}

fn result(facts: &Facts, finding: &Finding) -> Value {
    let index = facts.rules.iter().position(|rule| rule.id == finding.rule);
    let identity = format!("{}\n{}", facts.subject, finding.signature);
    let mut result = json!({
        "ruleId": finding.rule,
        "level": finding.level(),
        "message": { "text": format!("{}\n{}", finding.signature, finding.lines().join("\n")) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.file) },
            "region": { "startLine": 1 },
        } }],
        "partialFingerprints": {
            "signature/v1": finding.signature,
            // The only name that GitHub looks at: a hash and a count of equal hashes.
            "primaryLocationLineHash": format!("{:016x}:1", xxh3_64(identity.as_bytes())),
        },
        "suppressions": suppressions(finding.excuse.as_ref()),
        "properties": { "found": finding.count, "model": finding.part, "replay": finding.again },
    });
    if let Some(index) = index {
        result["ruleIndex"] = json!(index);
    }
    result
}

/// What makes a result no failure. An empty list says that nothing does.
fn suppressions(excuse: Option<&Excuse>) -> Vec<Value> {
    let excuse = excuse.map(Excuse::sentence).into_iter();
    excuse
        .map(|text| json!({ "kind": "external", "status": "accepted", "justification": text }))
        .collect()
}

/// A path as a reference of RFC 3986: of an absolute path with a scheme, otherwise relative.
fn uri(path: &str) -> String {
    let mut uri = match Path::new(path).is_absolute() {
        true => "file://".to_owned(),
        false => String::new(),
    };
    for byte in path.bytes() {
        // A colon in the first part of a relative path would end a scheme.
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            byte => write!(uri, "%{byte:02X}").expect("a string takes all text"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_is_a_reference() {
        assert_eq!(uri("found/seed-3.sim"), "found/seed-3.sim");
        assert_eq!(uri("/tmp/a b/50%.sim"), "file:///tmp/a%20b/50%25.sim");
        assert_eq!(uri("c:é.sim"), "c%3A%C3%A9.sim");
    }
}
