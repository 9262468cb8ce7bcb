//! Does what a page says: writes its files, changes them, runs its commands, and compares.
//!
//! Numbers are not compared: most of them are decided by the generator of the laboratory, and a page need not be written
//! again whenever it draws something else. Words, names and the order of lines are compared. Standard error counts as
//! output behind standard output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::blocks::{Block, Content, Shown};

/// A place where blocks are played.
pub(crate) struct Place {
    /// The present directory; `cd` changes it.
    pub(crate) directory: PathBuf,
    /// Environment variables of every command.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// A file that is put beside each `Cargo.toml`: the versions of this repository, so that nothing is downloaded.
    pub(crate) lock: Option<PathBuf>,
}

impl Place {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            environment: Vec::new(),
            lock: None,
        }
    }

    /// Plays blocks in order, up to the first that is not as it is shown.
    pub(crate) fn play<'page>(
        &mut self,
        blocks: impl IntoIterator<Item = &'page Block>,
    ) -> Result<(), String> {
        for block in blocks {
            let played = match &block.content {
                Content::File { path, text } => self.write(path, text),
                Content::Change { path, text } => self.change(path, text),
                Content::Commands(commands) => {
                    commands.iter().try_for_each(|shown| self.run(shown))
                }
            };
            played.map_err(|why| format!("the block at line {}: {why}", block.line))?;
        }
        Ok(())
    }

    fn write(&self, path: &str, text: &str) -> Result<(), String> {
        let path = self.directory.join(path);
        let written = fs::create_dir_all(path.parent().expect("it is a file"))
            .and_then(|()| fs::write(&path, text));
        written.map_err(|error| format!("{}: {error}", path.display()))?;
        match &self.lock {
            Some(lock) if path.ends_with("Cargo.toml") => {
                fs::copy(lock, path.with_extension("lock"))
                    .map(drop)
                    .map_err(|error| error.to_string())
            }
            _ => Ok(()),
        }
    }

    fn change(&self, path: &str, text: &str) -> Result<(), String> {
        let found =
            fs::read_to_string(self.directory.join(path)).map_err(|error| error.to_string())?;
        let without = |sign: char| {
            let lines = text.lines().filter(|line| !line.starts_with(sign));
            lines
                .map(|line| format!("{}\n", &line[1..]))
                .collect::<String>()
        };
        let (before, after) = (without('+'), without('-'));
        match found.matches(&before).count() {
            1 => self.write(path, &found.replace(&before, &after)),
            count => Err(format!("{path} has the old lines {count} times:\n{before}")),
        }
    }

    fn run(&mut self, shown: &Shown) -> Result<(), String> {
        if let Some(directory) = shown.command.strip_prefix("cd ") {
            self.directory.push(directory);
            return Ok(());
        }
        let mut command = Command::new("bash");
        let output = command
            .args(["-c", &shown.command])
            .current_dir(&self.directory)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        let wrong = match output.status.code() {
            Some(code) if code == shown.code => {
                missing(&shown.lines, &said).map(|line| format!("no line {line:?}"))
            }
            code => Some(format!("exit code {code:?} instead of {}", shown.code)),
        };
        wrong.map_or(Ok(()), |wrong| {
            Err(format!("{}: {wrong} in\n{said}", shown.command))
        })
    }
}

/// The first line that is not in the output, or not behind the line above it.
fn missing<'shown>(shown: &'shown [String], output: &str) -> Option<&'shown String> {
    let mut said = output.lines().map(without_numbers);
    let mut lines = shown.iter().filter(|line| line.trim() != "...");
    lines.find(|line| {
        let pattern = without_numbers(line);
        !said.any(|line| is_like(&line, &pattern))
    })
}

fn without_numbers(line: &str) -> String {
    let parts = line
        .trim()
        .split(|character: char| character.is_ascii_digit());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("0")
}

/// Whether a line is the pattern, in which `...` stands for anything.
fn is_like(line: &str, pattern: &str) -> bool {
    let Some((start, mut rest)) = pattern.split_once("...") else {
        return line == pattern;
    };
    let Some(mut line) = line.strip_prefix(start) else {
        return false;
    };
    while let Some((middle, behind)) = rest.split_once("...") {
        let Some(at) = line.find(middle) else {
            return false;
        };
        (line, rest) = (&line[at + middle.len()..], behind);
    }
    line.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::super::blocks::blocks;
    use super::*;

    /// What is wrong with a page, which is played in a directory of its own.
    fn complaint(page: &str) -> String {
        let directory = tempfile::tempdir().expect("there is room");
        let blocks = blocks(page).expect("it can be read");
        let played = Place::new(directory.path()).play(&blocks);
        played.expect_err("something is wrong with the page")
    }

    const FILE: &str = "```text file=a/b\none\ntwo\n```\n";

    #[test]
    fn a_page_that_is_right_is_played() {
        let page = format!(
            "{FILE}```diff file=a/b\n one\n-two\n+three\n```\n\
             ```console\n$ cd a\n$ cat b && echo 4 of 5; exit 7  # exit code 7: it is asked for\n\
             o...\nthree\n...\n6 of 7\n```\n"
        );
        let directory = tempfile::tempdir().expect("there is room");
        let played = Place::new(directory.path()).play(&blocks(&page).expect("it can be read"));
        assert_eq!(played, Ok(()));
    }

    #[test]
    fn another_exit_code_is_a_complaint() {
        for command in ["false", "true  # exit code 1: no"] {
            let complaint = complaint(&format!("```console\n$ {command}\n```\n"));
            assert!(complaint.contains("exit code Some("), "{complaint}");
        }
    }

    #[test]
    fn another_line_and_another_order_are_complaints() {
        for lines in ["seven", "two\none", "one\none", "...e two", "on"] {
            let page = format!("{FILE}```console\n$ echo none; cat a/b\n{lines}\n```\n");
            assert!(complaint(&page).contains("no line"), "{lines}");
        }
    }

    #[test]
    fn a_change_of_lines_that_are_not_there_is_a_complaint() {
        let page = format!("{FILE}```diff file=a/b\n two\n+three\n one\n```\n");
        assert!(complaint(&page).contains("0 times"));
    }
}
