//! The fenced blocks of a page: files, changes of files, and commands with lines of their output.
//!
//! A block that is none of these is refused, so no block of a page stays untested.

/// A fenced block.
pub(crate) struct Block {
    /// The last heading of level two above the block.
    pub(crate) section: String,
    /// The number of its first line, from 1.
    pub(crate) line: usize,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    /// `file=PATH` behind the language.
    File { path: String, text: String },
    /// `diff file=PATH`: lines with a plus, a minus or a blank in front.
    Change { path: String, text: String },
    /// `console`.
    Commands(Vec<Shown>),
}

/// A command, and what the page shows of it.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) command: String,
    /// The exit code: 0, or the number in `  # exit code N: ..`.
    pub(crate) code: i32,
    /// Some lines of the output, in order.
    pub(crate) lines: Vec<String>,
}

/// The blocks of a page in Markdown.
pub(crate) fn blocks(page: &str) -> Result<Vec<Block>, String> {
    let (mut blocks, mut section) = (Vec::new(), String::new());
    let mut lines = page.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut section);
        }
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let inside = lines.by_ref().take_while(|(line, _)| *line != "```");
        let text: String = inside.map(|(line, _)| format!("{line}\n")).collect();
        let content = content(info, text).map_err(|why| format!("line {number}: {why}"))?;
        blocks.push(Block {
            section: section.clone(),
            line: number,
            content,
        });
    }
    Ok(blocks)
}

fn content(info: &str, text: String) -> Result<Content, String> {
    match info.split_once(" file=") {
        Some(("diff", path)) => Ok(Content::Change {
            path: path.to_owned(),
            text,
        }),
        Some((_, path)) => Ok(Content::File {
            path: path.to_owned(),
            text,
        }),
        None if info == "console" => commands(&text).map(Content::Commands),
        None => Err(format!("nobody can test a block {info:?}")),
    }
}

fn commands(text: &str) -> Result<Vec<Shown>, String> {
    let mut commands: Vec<Shown> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push(command_of(command)?),
            (None, Some(command)) => command.lines.push(line.to_owned()),
            (None, None) => return Err(format!("no command is above {line:?}")),
        }
    }
    Ok(commands)
}

fn command_of(line: &str) -> Result<Shown, String> {
    let (command, code) = match line.split_once("  # exit code ") {
        None => (line, 0),
        Some((command, comment)) => {
            let (code, _) = comment.split_once(':').unwrap_or((comment, ""));
            let code = code.parse();
            (command, code.map_err(|_| format!("no exit code: {line}"))?)
        }
    };
    Ok(Shown {
        command: command.to_owned(),
        code,
        ..Shown::default()
    })
}

#[test]
fn a_block_that_nobody_can_test_is_refused() {
    for page in [
        "```toml\n[package]\n```\n",
        "```console\noutput without a command\n```\n",
        "```console\n$ true  # exit code many: a word\n```\n",
    ] {
        assert!(blocks(page).is_err(), "{page}");
    }
}
