//! A directory with a git repository, and a way to run `lithify` in it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use lithify_policies::git::quote::quote;
use tempfile::TempDir;

/// A gitlink's target; the commit need not exist.
const SUBMODULE: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER_SUBMODULE: &str = "89abcdef0123456789abcdef0123456789abcdef";
/// The number of first-parent commits in [`Fixture::history`].
pub(crate) const COMMITS: u64 = 14;

/// The result of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    fn of(output: &std::process::Output) -> Self {
        Self {
            code: output.status.code().expect("no signal ended it"),
            stdout: output.stdout.clone(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Standard output of a run that must succeed without messages.
    pub(crate) fn text(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""));
        String::from_utf8(self.stdout).unwrap()
    }

    /// The one line of a run that must fail with `code`.
    pub(crate) fn failure(self, code: i32) -> String {
        let line = self.stderr.strip_suffix('\n').unwrap_or_default();
        assert_eq!(self.code, code, "{line}");
        let message = line.strip_prefix("lithify: ").expect(line);
        assert!(!message.contains('\n'), "{message}");
        message.to_owned()
    }
}

/// A working directory of its own.
pub(crate) struct Fixture {
    directory: TempDir,
}

impl Fixture {
    /// An empty directory.
    pub(crate) fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    /// A directory with the repository `repo` in it.
    pub(crate) fn with_history() -> Self {
        let fixture = Self::new();
        fixture.history();
        fixture
    }

    /// A directory with the repository, and the store `S` with the whole history, at
    /// divisor 2.
    pub(crate) fn with_store() -> Self {
        let fixture = Self::with_history();
        let arguments = [
            "import-git",
            "--repo",
            "repo",
            "--store",
            "S",
            "--divisor",
            "2",
        ];
        fixture.run(&arguments).text();
        fixture
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs `lithify` in the directory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, b"")
    }

    /// Runs `lithify` in the directory with this on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let output = assert_cmd::Command::from_std(self.command(arguments))
            .write_stdin(input)
            .output()
            .unwrap();
        Ended::of(&output)
    }

    /// The command of [`Fixture::run`], for tests that change it.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lithify"));
        command.current_dir(self.directory.path()).args(arguments);
        isolate(&mut command);
        command
    }

    /// Runs a command unchanged.
    pub(crate) fn end(mut command: Command) -> Ended {
        Ended::of(&command.output().unwrap())
    }

    /// Runs git in the repository, and returns what it prints.
    pub(crate) fn git<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Vec<u8> {
        let mut command = Command::new("git");
        command.current_dir(self.path("repo")).args(arguments);
        isolate(&mut command);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        output.stdout
    }

    /// Runs git in the repository with this on standard input, and returns the first word
    /// that it prints.
    pub(crate) fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.path("repo")).args(arguments);
        isolate(&mut command);
        let output = assert_cmd::Command::from_std(command)
            .write_stdin(input)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        let printed = String::from_utf8(output.stdout).unwrap();
        printed.split_whitespace().next().unwrap().to_owned()
    }

    /// The log that the README's pipeline feeds into `import-git -`.
    pub(crate) fn log(&self) -> Vec<u8> {
        self.git(&[
            "log",
            "--first-parent",
            "-m",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            "--reverse",
            "--format=commit %H %ct",
        ])
    }

    /// The object ids of the history, oldest first.
    pub(crate) fn commit_ids(&self) -> Vec<String> {
        let ids = self.git(&["rev-list", "--first-parent", "--reverse", "HEAD"]);
        let ids = String::from_utf8(ids).unwrap();
        ids.lines().map(str::to_owned).collect()
    }

    /// Adds a commit to the checked-out branch.
    pub(crate) fn commit(&self, message: &str, changes: &[Change<'_>]) {
        let head = self.git(&["rev-list", "--max-count=1", "--all"]);
        let mut stream = Stream::default();
        let parent = (!head.is_empty()).then_some("refs/heads/main^0");
        stream.commit("main", message, parent, None, changes);
        self.fast_import(&stream);
    }

    /// Moves the branch to another commit.
    pub(crate) fn reset(&self, commit: &str) {
        self.git(&["update-ref", "refs/heads/main", commit]);
    }

    fn fast_import(&self, stream: &Stream) {
        let mut git = Command::new("git");
        git.current_dir(self.path("repo"))
            .args(["fast-import", "--quiet"]);
        isolate(&mut git);
        assert_cmd::Command::from_std(git)
            .write_stdin(&*stream.text)
            .assert()
            .success();
    }

    /// A repository with every kind of change that a path can have.
    fn history(&self) {
        fs::create_dir(self.path("repo")).unwrap();
        self.git(&["init", "--quiet", "--initial-branch=main"]);
        self.fast_import(&eventful_history());
        let mut configuration = fs::read(self.path("repo/.git/config")).unwrap();
        configuration.extend(HOSTILE_CONFIGURATION.bytes());
        fs::write(self.path("repo/.git/config"), configuration).unwrap();
    }

    /// Removes the hostile settings, for tests that call git as a user would.
    pub(crate) fn friendly_configuration(&self) {
        for section in ["diff", "log", "color"] {
            self.git(&["config", "--remove-section", section]);
        }
        self.git(&["config", "submodule.sub.ignore", "none"]);
    }
}

/// Settings of users that must not change an import.
const HOSTILE_CONFIGURATION: &str = "
[core]
\tquotePath = false
[diff]
\trenames = copies
\trelative = true
\tignoreSubmodules = all
[log]
\tshowRoot = false
\tdiffMerges = off
[color]
\tui = always
";

/// The change of a path by a commit.
#[derive(Clone, Copy)]
pub(crate) enum Change<'a> {
    /// A file with these contents.
    Put(&'a [u8], &'a str),
    /// An executable file.
    PutExecutable(&'a [u8], &'a str),
    /// A symbolic link.
    Link(&'a [u8], &'a str),
    /// A gitlink to this commit, which need not exist.
    Submodule(&'a [u8], &'a str),
    /// The path is removed, with everything below it.
    Delete(&'a [u8]),
}

/// Input for `git fast-import`. Commits are numbered from 1 by marks.
#[derive(Default)]
struct Stream {
    text: Vec<u8>,
    commits: u64,
}

impl Stream {
    fn line(&mut self, line: &str) {
        self.text.extend(line.bytes());
        self.text.push(b'\n');
    }

    fn commit(
        &mut self,
        branch: &str,
        message: &str,
        parent: Option<&str>,
        merged: Option<&str>,
        changes: &[Change<'_>],
    ) {
        self.line(&format!("commit refs/heads/{branch}"));
        self.commits += 1;
        self.line(&format!("mark :{}", self.commits));
        self.line("committer C <c@example.org> 1700000000 +0000");
        self.line(&format!("data {}\n{message}", message.len()));
        if let Some(parent) = parent {
            self.line(&format!("from {parent}"));
        }
        if let Some(merged) = merged {
            self.line(&format!("merge {merged}"));
        }
        for change in changes {
            self.change(change);
        }
    }

    fn change(&mut self, change: &Change<'_>) {
        let mut file = |mode: &str, path: &[u8], contents: &str| {
            self.text.extend(format!("M {mode} inline ").bytes());
            self.text.extend(&*quote(path));
            self.line(&format!("\ndata {}\n{contents}", contents.len()));
        };
        match change {
            Change::Put(path, contents) => file("100644", path, contents),
            Change::PutExecutable(path, contents) => file("100755", path, contents),
            Change::Link(path, target) => file("120000", path, target),
            Change::Submodule(path, id) => {
                self.text.extend(format!("M 160000 {id} ").bytes());
                self.text.extend(&*quote(path));
                self.line("");
            }
            Change::Delete(path) => {
                self.text.extend(b"D ");
                self.text.extend(&*quote(path));
                self.line("");
            }
        }
    }
}

/// [`COMMITS`] first-parent commits, among them an empty one and a merge.
fn eventful_history() -> Stream {
    use Change::{Delete, Link, Put, PutExecutable, Submodule};
    let mut stream = Stream::default();
    let mut main = |message: &str, changes: &[Change<'_>]| {
        stream.commit("main", message, None, None, changes);
    };
    main(
        "1: first files",
        &[
            Put(b"README.md", "one\n"),
            Put(b"src/lib.rs", "mod a;\n"),
            Put(b"with space", "\n"),
            Put(b"thing", "a file\n"),
        ],
    );
    main(
        "2: odd paths",
        &[
            Put(b"tab\tnewline\nquote\"backslash\\", "odd\n"),
            Put("h\u{e9}llo".as_bytes(), "UTF-8\n"),
            Put(b"bytes-\xff\xfe", "not UTF-8\n"),
            Put(b"\x01bell\x07\x7f", "control\n"),
        ],
    );
    main(
        "3: change and delete",
        &[Put(b"README.md", "two\n"), Delete(b"with space")],
    );
    let hidden = "[submodule \"sub\"]\n\tpath = sub\n\tignore = all\n";
    main(
        "4: a submodule",
        &[Submodule(b"sub", SUBMODULE), Put(b".gitmodules", hidden)],
    );
    main("5: nothing", &[]);
    main("6: mode", &[PutExecutable(b"src/lib.rs", "mod a;\n")]);
    main("7: symbolic link", &[Link(b"link", "README.md")]);
    main(
        "8: rename",
        &[
            Delete(b"src/lib.rs"),
            PutExecutable(b"src/main.rs", "mod a;\n"),
        ],
    );
    main(
        "9: a file becomes a folder",
        &[Delete(b"thing"), Put(b"thing/inside", "a folder now\n")],
    );
    let fork = Some(":7");
    stream.commit("side", "side 1", fork, None, &[Put(b"side/one", "1\n")]);
    stream.commit("side", "side 2", None, None, &[Put(b"side/two", "2\n")]);
    // A stream states the changes of a merge against its first parent.
    let merged = [Put(b"side/one", "1\n"), Put(b"side/two", "2\n")];
    stream.commit("main", "10: merge", None, Some("refs/heads/side"), &merged);
    let mut main = |message: &str, changes: &[Change<'_>]| {
        stream.commit("main", message, None, None, changes);
    };
    main(
        "11: the submodule moves",
        &[Submodule(b"sub", OTHER_SUBMODULE)],
    );
    main("12: a link becomes a file", &[Put(b"link", "a file now\n")]);
    main(
        "13: a folder becomes a file, and the submodule goes",
        &[
            Delete(b"thing"),
            Put(b"thing", "a file again\n"),
            Delete(b"sub"),
        ],
    );
    main(
        "14: a key comes back",
        &[
            Delete("h\u{e9}llo".as_bytes()),
            Put(b"with space", "back\n"),
        ],
    );
    stream
}

/// Neither the user's settings nor the clock may affect git, and the job that runs these tests
/// must not get their summaries.
fn isolate(command: &mut Command) {
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_NAME", "C")
        .env("GIT_COMMITTER_EMAIL", "c@example.org")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000");
    for variable in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GITHUB_STEP_SUMMARY",
    ] {
        command.env_remove(variable);
    }
}

/// An argument that is not UTF-8.
pub(crate) fn bytes(argument: &[u8]) -> OsString {
    OsStr::from_bytes(argument).to_owned()
}

/// The text with the sizes of files and memory as `N`. The sizes belong to the format,
/// which has its own snapshots.
pub(crate) fn without_sizes(text: &str) -> String {
    const ROWS: [&str; 5] = ["memory ", "wal ", "manifests ", "segments ", "store "];
    let mut masked = String::new();
    for line in text.split_inclusive('\n') {
        let is_row = ROWS.iter().any(|row| line.starts_with(row));
        let (before, after) = line.split_at(line.find(" bytes").filter(|_| is_row).unwrap_or(0));
        if is_row {
            masked += before.trim_end_matches(|letter: char| letter.is_ascii_digit());
            masked += "N";
        }
        let mut parts = after.split("_bytes\":");
        masked += parts.next().unwrap_or_default();
        for part in parts {
            let rest = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
            // A histogram of sizes has no digit here.
            let size = if rest == part { "" } else { "N" };
            masked += &format!("_bytes\":{size}{rest}");
        }
    }
    masked
}
