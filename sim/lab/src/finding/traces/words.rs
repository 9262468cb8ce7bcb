//! The words of a line, with their places.

/// An error in a line: the offset of the word, and what was expected.
pub(super) type Complaint = (usize, String);

/// A word, and the offset in bytes where it begins.
pub(super) type Word<'line> = (usize, &'line str);

pub(super) fn words_of(line: &str) -> Vec<Word<'_>> {
    let start_of = |word: &str| word.as_ptr() as usize - line.as_ptr() as usize;
    line.split_whitespace()
        .map(|word| (start_of(word), word))
        .collect()
}

/// Fails if a line has more words than `used`.
pub(super) fn ends_after(words: &[Word<'_>], used: usize) -> Result<(), Complaint> {
    match words.get(used) {
        Some((at, extra)) => Err((*at, format!("{extra:?} is more than {} takes", words[0].1))),
        None => Ok(()),
    }
}

pub(super) fn setting(words: &[Word<'_>]) -> Result<(String, String), Complaint> {
    let name = word(words, 1, "the name of a setting")?.1.to_owned();
    Ok((name, word(words, 2, "a value")?.1.to_owned()))
}

pub(super) fn any(text: &str) -> String {
    if text == "*" {
        String::new()
    } else {
        text.to_owned()
    }
}

pub(super) fn word<'line>(
    words: &[Word<'line>],
    index: usize,
    what: &str,
) -> Result<Word<'line>, Complaint> {
    words.get(index).copied().ok_or_else(|| {
        let end = words.last().map_or(0, |(at, word)| at + word.len());
        (end, format!("the line ends where {what} should stand"))
    })
}

pub(super) fn number<T: std::str::FromStr>(
    words: &[Word<'_>],
    index: usize,
    what: &str,
) -> Result<T, Complaint> {
    let (at, text) = word(words, index, what)?;
    text.parse()
        .map_err(|_| (at, format!("{text:?} is not {what}")))
}
