//! `--junit`: the outcome as JUnit XML, in the dialect of Jenkins, which other systems read, too.
//!
//! One suite is one run. Its cases:
//! - a case for each signature: a failure, or skipped if somebody knows of it;
//! - a case for each part (persistence model) in which nothing was found, which passes;
//! - an error if the run is not finished and the caller demanded that it is.
//!
//! A case has at most one failure, because most readers show only the first one. This file
//! does not check names against each other: a signature is one line and stands here once.

use std::io;

use quick_xml::Writer;
use quick_xml::escape::escape;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::name::QName;

use super::facts::{Facts, Finding};

type Xml = Writer<Vec<u8>>;

/// The seconds of a case. A run spreads its seeds over threads, so a case has no time of its own.
const NO_TIME: &str = "0.000";

/// The whole file.
pub(super) fn document(facts: &Facts) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    written(&mut xml, facts).expect("a vector takes all bytes");
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("it was made of text")
}

fn written(xml: &mut Xml, facts: &Facts) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let totals = totals(facts);
    let all = totals.iter().filter(|(name, _)| *name != "skipped");
    xml.create_element("testsuites")
        .with_attributes(all.map(|(name, value)| attribute(name, value)))
        .write_inner_content(|xml| {
            xml.create_element("testsuite")
                .with_attributes(totals.iter().map(|(name, value)| attribute(name, value)))
                .write_inner_content(|xml| suite(xml, facts))?;
            Ok(())
        })?;
    Ok(())
}

/// The attributes of the suite.
fn totals(facts: &Facts) -> Vec<(&'static str, String)> {
    let findings = facts.findings.len();
    let skipped = (facts.findings.iter())
        .filter(|finding| finding.excuse.is_some())
        .count();
    let passed = facts.parts.iter().filter(|part| !part.has_findings).count();
    let errors = usize::from(failed_shortfall(facts).is_some());
    vec![
        ("name", facts.title()),
        ("tests", (findings + passed + errors).to_string()),
        ("failures", (findings - skipped).to_string()),
        ("errors", errors.to_string()),
        ("skipped", skipped.to_string()),
        ("time", format!("{:.3}", facts.seconds.unwrap_or(0.0))),
    ]
}

/// What the run has not done, if that is a failure.
fn failed_shortfall(facts: &Facts) -> Option<&str> {
    let shortfall = facts.shortfall.as_ref();
    let failed = shortfall.filter(|shortfall| shortfall.is_failure);
    failed.map(|shortfall| &*shortfall.message)
}

fn suite(xml: &mut Xml, facts: &Facts) -> io::Result<()> {
    xml.create_element("properties")
        .write_inner_content(|xml| properties(xml, facts))?;
    for finding in &facts.findings {
        case(xml, facts, &finding.part, &finding.signature)
            .write_inner_content(|xml| outcome(xml, finding))?;
    }
    for part in facts.parts.iter().filter(|part| !part.has_findings) {
        case(xml, facts, &part.name, "nothing found").write_inner_content(|xml| {
            let covered = text(&part.covered);
            xml.create_element("system-out")
                .write_text_content(covered)?;
            Ok(())
        })?;
    }
    if let Some(message) = failed_shortfall(facts) {
        case(xml, facts, "", "finished").write_inner_content(|xml| {
            xml.create_element("error")
                .with_attribute(attribute("type", "not finished"))
                .with_attribute(attribute("message", message))
                .write_text_content(text(message))?;
            Ok(())
        })?;
    }
    Ok(())
}

fn properties(xml: &mut Xml, facts: &Facts) -> io::Result<()> {
    let version = ("version", env!("CARGO_PKG_VERSION").to_owned());
    let counts = facts.counts.iter();
    let counts = counts.map(|(name, count)| (*name, count.to_string()));
    let shortfall = facts.shortfall.iter();
    let shortfall = shortfall.map(|shortfall| ("not_finished", shortfall.message.clone()));
    for (name, value) in [version].into_iter().chain(counts).chain(shortfall) {
        xml.create_element("property")
            .with_attribute(attribute("name", name))
            .with_attribute(attribute("value", &value))
            .write_empty()?;
    }
    Ok(())
}

/// A case, without what it holds.
fn case<'xml>(
    xml: &'xml mut Xml,
    facts: &Facts,
    part: &str,
    name: &str,
) -> quick_xml::writer::ElementWriter<'xml, Vec<u8>> {
    // Readers group cases by the parts of this name, as of a class in a package.
    let class = match part {
        "" => facts.subject.clone(),
        part => format!("{}.{part}", facts.subject),
    };
    xml.create_element("testcase")
        .with_attribute(attribute("classname", &class))
        .with_attribute(attribute("name", name))
        .with_attribute(attribute("time", NO_TIME))
}

/// The failure of a finding, or that it is skipped.
fn outcome(xml: &mut Xml, finding: &Finding) -> io::Result<()> {
    let lines = text(&finding.lines().join("\n"));
    match &finding.excuse {
        Some(excuse) => {
            let message = attribute("message", &excuse.sentence());
            xml.create_element("skipped")
                .with_attribute(message)
                .write_text_content(lines)?;
        }
        None => {
            xml.create_element("failure")
                .with_attribute(attribute("type", finding.rule))
                .with_attribute(attribute("message", &finding.message))
                .write_text_content(lines)?;
        }
    }
    Ok(())
}

/// An attribute. A reader would make a blank of a line break that is not escaped.
fn attribute<'name>(name: &'name str, value: &str) -> Attribute<'name> {
    let value = escape(allowed(value));
    let value = value.replace('\n', "&#10;").replace('\t', "&#9;");
    Attribute {
        key: QName(name),
        value: value.into(),
    }
}

fn text(text: &str) -> BytesText<'static> {
    BytesText::from_escaped(escape(allowed(text)).into_owned())
}

/// The text with the characters that XML allows. XML has no way to write the others, such as
/// the escape character of a terminal: they are written as Rust writes them, `\u{1b}`.
fn allowed(text: &str) -> String {
    let is_allowed = |letter: char| matches!(letter, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    let mut allowed = String::with_capacity(text.len());
    for letter in text.chars() {
        match is_allowed(letter) {
            true => allowed.push(letter),
            false => allowed.extend(letter.escape_unicode()),
        }
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_forbids_is_written_in_words() {
        assert_eq!(
            allowed("a\u{0}b\u{1b}[31m\u{ffff}\n\té\u{1f600}"),
            "a\\u{0}b\\u{1b}[31m\\u{ffff}\n\té\u{1f600}"
        );
    }

    #[test]
    fn an_attribute_keeps_its_line_breaks() {
        let written = attribute("message", "<a> & \"b\"\n\tc\r");
        let value = "&lt;a&gt; &amp; &quot;b&quot;&#10;&#9;c&#13;";
        assert_eq!(&*written.value, value);
    }
}
