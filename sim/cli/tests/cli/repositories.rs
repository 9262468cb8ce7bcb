//! Goal: any repository is imported as git shows it, or refused with commit and path;
//! nothing is missing from a store without a message.
//!
//! Method: repositories are written with git's plumbing, which writes what porcelain
//! refuses: repeated names, trees out of order, null object ids, dates of twenty
//! digits, missing objects. Every commit is compared with `git ls-tree -r`, which
//! shares no code with the import or with `check-git`.

use std::fmt::Write as _;

use super::fixture::Change::Put;
use super::fixture::{Fixture, bytes};

const IMPORT: [&str; 5] = ["import-git", "--repo", "repo", "--store", "S"];
const CHECK: [&str; 5] = ["check-git", "--repo", "repo", "--store", "S"];
const PIPED: [&str; 4] = ["import-git", "-", "--store", "S"];
/// An object id that no object has.
const NULL: &str = "0000000000000000000000000000000000000000";

/// A repository that is written object by object.
struct Plumbing {
    fixture: Fixture,
    /// The newest commit.
    head: Option<String>,
}

impl Plumbing {
    fn new() -> Self {
        let fixture = Fixture::new();
        std::fs::create_dir(fixture.path("repo")).unwrap();
        fixture.git(&["init", "--quiet", "--initial-branch=main"]);
        Self {
            fixture,
            head: None,
        }
    }

    fn blob(&self, contents: &str) -> String {
        let arguments = ["hash-object", "-w", "--stdin"];
        self.fixture.git_with(&arguments, contents.as_bytes())
    }

    /// Writes a tree with these unchecked entries: mode, name, object id.
    fn tree(&self, entries: &[(&str, &str, &str)]) -> String {
        let mut tree = Vec::new();
        for (mode, name, id) in entries {
            tree.extend(format!("{mode} {name}\0").bytes());
            let byte = |at: usize| u8::from_str_radix(&id[at..at + 2], 16).unwrap();
            tree.extend((0..id.len()).step_by(2).map(byte));
        }
        let arguments = ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"];
        self.fixture.git_with(&arguments, &tree)
    }

    /// Adds a commit of a tree to the branch `main`.
    fn commit(&mut self, tree: &str) {
        self.commit_at(tree, "1700000000");
    }

    fn commit_at(&mut self, tree: &str, seconds: &str) {
        let mut text = format!("tree {tree}\n");
        if let Some(head) = &self.head {
            let _ = writeln!(text, "parent {head}");
        }
        let _ = write!(
            text,
            "author A <a@b> 1 +0000\ncommitter C <c@d> {seconds} +0000\n\nm\n"
        );
        let arguments = [
            "hash-object",
            "-t",
            "commit",
            "-w",
            "--literally",
            "--stdin",
        ];
        let id = self.fixture.git_with(&arguments, text.as_bytes());
        self.fixture.git(&["update-ref", "refs/heads/main", &id]);
        self.head = Some(id);
    }

    /// Compares every commit of the store with the output of `git ls-tree`, in the
    /// order of paths, and checks that `check-git` agrees.
    fn is_imported(&self) {
        self.fixture.run(&IMPORT).text();
        self.is_equal();
    }

    fn is_equal(&self) {
        for (number, id) in (1..).zip(self.fixture.commit_ids()) {
            let listing = self.fixture.git(&["ls-tree", "-r", &id]);
            let listing = String::from_utf8(listing).unwrap();
            let path = |line: &&str| line.split_once('\t').unwrap().1.to_owned();
            let mut expected: Vec<&str> = listing.lines().collect();
            expected.sort_by_key(path);
            let at = number.to_string();
            let scan = ["scan", "--store", "S", "--at", &at, "--format", "tree"];
            let text = self.fixture.run(&scan).text();
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_by_key(path);
            assert_eq!(lines, expected, "commit {number}, {id}");
        }
        self.fixture.run(&CHECK).text();
        self.fixture.run(&[&CHECK[..], &["--all"]].concat()).text();
    }
}

/// A tree names a path twice. The log of the second commit says `T a`, then `D a`. Once
/// the file was missing from the store from then on, without a message.
#[test]
fn a_name_that_comes_twice_loses_no_file() {
    for later in [
        &["120000"][..],
        &["100644"],
        &["120000", "100644"],
        &["100644", "120000", "100755"],
        &[],
    ] {
        let mut repo = Plumbing::new();
        let (x, y) = (repo.blob("x"), repo.blob("y"));
        let id = |mode: &str| if mode == "120000" { &y } else { &x };
        let twice = repo.tree(&[
            ("100644", "a", &x),
            ("120000", "a", &y),
            ("100644", "b", &x),
        ]);
        let mut entries: Vec<_> = later.iter().map(|mode| (*mode, "a", &**id(mode))).collect();
        entries.push(("100644", "b", &x));
        let later = repo.tree(&entries);
        let healthy = repo.tree(&[("100644", "a", &x), ("100644", "c", &y)]);
        for tree in [&twice, &later, &twice, &later, &healthy, &healthy, &twice] {
            repo.commit(tree);
        }
        repo.is_imported();
    }
}

/// The same below a directory whose name is repeated, and beside a directory of that
/// name.
#[test]
fn a_folder_that_comes_twice_loses_no_file() {
    let mut repo = Plumbing::new();
    let (x, y) = (repo.blob("x"), repo.blob("y"));
    let one = repo.tree(&[("100644", "f", &x), ("100644", "g", &x)]);
    let two = repo.tree(&[("100644", "f", &y), ("100644", "h", &y)]);
    let twice = repo.tree(&[("40000", "d", &one), ("40000", "d", &two)]);
    let swapped = repo.tree(&[("40000", "d", &two), ("40000", "d", &one)]);
    let first = repo.tree(&[("40000", "d", &one)]);
    let second = repo.tree(&[("40000", "d", &two)]);
    let beside = repo.tree(&[("100644", "d", &x), ("40000", "d", &two)]);
    let inside = repo.tree(&[("40000", "d", &one), ("100644", "d/f", &y)]);
    let empty = repo.tree(&[]);
    let hollow = repo.tree(&[("40000", "d", &empty)]);
    let trees = [
        twice.clone(),
        second.clone(),
        twice.clone(),
        swapped,
        first.clone(),
        beside.clone(),
        inside,
        hollow,
        second,
        beside,
        empty,
        twice,
        first,
    ];
    for tree in &trees {
        repo.commit(tree);
    }
    repo.is_imported();
}

/// Once trees out of order were imported correctly only by chance, and were reported as
/// different.
#[test]
fn trees_out_of_order_are_equal() {
    let mut repo = Plumbing::new();
    let (x, y) = (repo.blob("x"), repo.blob("y"));
    let ordered = repo.tree(&[("100644", "a", &x), ("100644", "b", &x)]);
    let reversed = repo.tree(&[("100644", "b", &x), ("100644", "a", &x)]);
    let folder = repo.tree(&[("40000", "d", &reversed), ("100644", "a", &y)]);
    for tree in [&reversed, &ordered, &reversed, &folder, &ordered, &folder] {
        repo.commit(tree);
    }
    repo.is_imported();
    // A file of trees has them in git's order.
    let mut trees = Vec::new();
    for (number, id) in (1..).zip(repo.fixture.commit_ids()) {
        trees.extend(format!("tree {number} {id}\n").bytes());
        trees.extend(repo.fixture.git(&["ls-tree", "-r", &id]));
    }
    std::fs::write(repo.fixture.path("trees"), trees).unwrap();
    let check = ["check-git", "--store", "S", "--trees", "trees"];
    let equal = repo.fixture.run(&check).text();
    assert!(equal.starts_with("6 trees of 6 "), "{equal}");
}

/// Null object ids, modes that git no longer writes, gitlinks, and names that git
/// refuses to check out.
#[test]
fn entries_that_git_would_not_write_are_kept_as_git_shows_them() {
    let mut repo = Plumbing::new();
    let x = repo.blob("x");
    let odd = [
        ("100644", ".git", x.as_str()),
        ("100664", "a", &x),
        ("0", "b", &x),
        ("777", "c", &x),
        ("100644", "n", NULL),
        ("160000", "sub", NULL),
        ("100644", "t\tn\\\"", &x),
    ];
    let tree = repo.tree(&odd);
    repo.commit(&tree);
    let plain = repo.tree(&[("100644", "n", &x), ("100755", "sub", NULL)]);
    repo.commit(&plain);
    repo.commit(&tree);
    repo.is_imported();
}

/// Sequences of trees with random damage.
#[test]
fn drawn_trees_are_imported_as_git_shows_them() {
    let mut repo = Plumbing::new();
    let blobs = [repo.blob("x"), repo.blob("y"), NULL.to_owned()];
    let mut state = 1_u64;
    let mut below = |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut folders = vec![repo.tree(&[])];
    for number in 0..60 {
        let mut entries = Vec::new();
        for _ in 0..below(6) {
            let name = ["a", "b", "c", "d", "a/b"][below(5) as usize];
            let entry = match below(3) {
                0 => (
                    "40000",
                    name,
                    folders[below(folders.len() as u64) as usize].clone(),
                ),
                1 => ("100755", name, blobs[below(3) as usize].clone()),
                _ => ("100644", name, blobs[below(2) as usize].clone()),
            };
            entries.push(entry);
        }
        let entries: Vec<_> = entries
            .iter()
            .map(|(mode, name, id)| (*mode, *name, id.as_str()))
            .collect();
        let tree = repo.tree(&entries);
        if number % 3 > 0 && folders.len() < 12 {
            folders.push(tree.clone());
        }
        repo.commit(&tree);
    }
    repo.is_imported();
    // A store with all commits is compared with the same log again.
    let summary = repo.fixture.run(&IMPORT).text();
    assert!(summary.contains("60, 0 of them new"), "{summary}");
}

/// A store that was imported without this care is detected, although the evenly spaced
/// sample does not include the two commits where a file is missing.
#[test]
fn check_git_looks_at_doubtful_commits_in_its_default_sample() {
    let mut repo = Plumbing::new();
    let (x, y) = (repo.blob("x"), repo.blob("y"));
    let plain = repo.tree(&[("100644", "a", &x)]);
    let twice = repo.tree(&[("100644", "a", &x), ("120000", "a", &y)]);
    let repaired = repo.tree(&[("120000", "a", &y)]);
    for number in 1..=401 {
        repo.commit(match number {
            204 => &twice,
            205 => &repaired,
            _ => &plain,
        });
    }
    // The result of an earlier import: `a` is missing at commit 205 and comes back
    // after it.
    let mut log = String::new();
    for (number, id) in (1..).zip(repo.fixture.commit_ids()) {
        let _ = writeln!(log, "commit {id} 1");
        let _ = match number {
            1 | 206 => writeln!(log, "\n:000000 100644 {NULL} {x} A\ta"),
            205 => writeln!(log, "\n:100644 000000 {x} {NULL} D\ta"),
            _ => Ok(()),
        };
    }
    repo.fixture.run_with(&PIPED, log.as_bytes()).text();
    let found = repo.fixture.run(&CHECK).failure(1);
    assert!(found.starts_with("commit 204 "), "{found}");
    std::fs::remove_dir_all(repo.fixture.path("S")).unwrap();
    repo.fixture.run(&IMPORT).text();
    let equal = repo.fixture.run(&CHECK).text();
    // The commit, and the next commit, in which the name occurs only once again.
    assert!(equal.starts_with("23 trees of 401 "), "{equal}");
}

/// Earlier versions of git wrote dates below zero as numbers of twenty digits.
#[test]
fn dates_that_no_clock_shows_are_unknown() {
    let mut repo = Plumbing::new();
    for (number, seconds) in [
        "18446744073709551614",
        "18446744073709551615",
        "99999999999999999999",
        "012345678901234567890123456789",
        "9223372036854775808",
        "9223372036854775807",
        "-5",
        "",
        "1e9",
        "0",
    ]
    .into_iter()
    .enumerate()
    {
        let blob = repo.blob(&number.to_string());
        let tree = repo.tree(&[("100644", "a", &blob)]);
        repo.commit_at(&tree, seconds);
    }
    repo.is_imported();
    let compare = [
        "compare",
        "--policy",
        "aligned:4,count:4",
        "--workload",
        "git:repo",
    ];
    repo.fixture.run(&compare).text();
}

#[test]
fn a_piped_log_that_contradicts_itself_is_refused() {
    let fixture = Fixture::with_history();
    fixture.friendly_configuration();
    let log = |options: &[&str], format: &str| {
        let fixed = [
            "log",
            "--first-parent",
            "-m",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            format,
        ];
        fixture.git(&[&fixed[..], options].concat())
    };
    let plain = "--format=commit %H %ct";
    let parents = "--format=commit %H %ct %P";
    let cases = [
        ("newest first", log(&[], plain)),
        ("the last three", log(&["--reverse", "-n", "3"], plain)),
        ("newest first, with parents", log(&[], parents)),
        (
            "the last three, with parents",
            log(&["--reverse", "-n", "3"], parents),
        ),
        (
            "without empty commits",
            log(&["--reverse", "--grep=nothing", "--invert-grep"], parents),
        ),
        ("of two parents", {
            let all = [
                "log",
                "-m",
                "--raw",
                "--no-abbrev",
                "--no-renames",
                "--reverse",
            ];
            fixture.git(&[&all[..], &[plain]].concat())
        }),
    ];
    let mut text = String::new();
    for (name, log) in cases {
        let said = fixture.run_with(&PIPED, &log).failure(3);
        let _ = writeln!(text, "{name}\n  {said}");
        let _ = std::fs::remove_dir_all(fixture.path("S"));
    }
    insta::assert_snapshot!(text);
    // A complete log with parents is accepted.
    fixture
        .run_with(&PIPED, &log(&["--reverse"], parents))
        .text();
    fixture.run(&[&CHECK[..], &["--all"]].concat()).text();
}

/// A log alone does not tell the content of a tree that names a path twice.
#[test]
fn a_piped_log_that_names_a_path_twice_is_refused_with_commit_and_path() {
    let mut repo = Plumbing::new();
    let (x, y) = (repo.blob("x"), repo.blob("y"));
    let plain = repo.tree(&[("100644", "a", &x)]);
    let twice = repo.tree(&[("100644", "a", &x), ("120000", "a", &y)]);
    for trees in [&[&plain, &plain, &twice][..], &[&twice, &plain]] {
        for tree in trees {
            repo.commit(tree);
        }
        let ids = repo.fixture.commit_ids();
        let said = repo
            .fixture
            .run_with(&PIPED, &repo.fixture.log())
            .failure(3);
        assert!(said.contains(&ids[2]), "{said}");
        assert!(said.contains("path \"a\""), "{said}");
        assert!(said.contains("--repo"), "{said}");
        std::fs::remove_dir_all(repo.fixture.path("S")).unwrap();
    }
    repo.is_imported();
    // The same log as a workload, which is read in the same way.
    std::fs::write(repo.fixture.path("log"), repo.fixture.log()).unwrap();
    let compare = ["compare", "--policy", "aligned:4", "--workload", "git:log"];
    assert!(repo.fixture.run(&compare).failure(3).contains("path \"a\""));
}

/// In a hook, git's variables name the repository of the hook.
#[test]
fn a_hook_of_one_repository_can_import_another() {
    let fixture = Fixture::with_history();
    let variables = fixture.git(&["rev-parse", "--local-env-vars"]);
    let variables = String::from_utf8(variables).unwrap();
    assert!(variables.lines().count() > 10);
    for command in [&IMPORT[..], &CHECK] {
        let mut command = fixture.command(command);
        for variable in variables.lines() {
            command.env(variable, fixture.path("other/.git"));
        }
        Fixture::end(command).text();
    }
}

/// Settings that change what git logs, or that make it fail, are overruled.
#[test]
fn no_setting_of_the_user_changes_an_import() {
    let fixture = Fixture::with_history();
    for (name, value) in [
        ("i18n.logOutputEncoding", "UTF-16"),
        ("i18n.commitEncoding", "UTF-16"),
        ("diff.orderFile", "missing"),
        ("diff.external", "false"),
        ("diff.submodule", "log"),
        ("diff.mnemonicPrefix", "true"),
        ("color.diff", "always"),
        ("core.abbrev", "4"),
        ("core.useReplaceRefs", "false"),
        ("core.pager", "false"),
        ("pager.log", "true"),
        ("alias.log", "!false"),
        ("format.pretty", "oneline"),
        ("log.abbrevCommit", "true"),
        ("log.date", "iso"),
        ("log.decorate", "full"),
        ("log.follow", "true"),
        ("log.mailmap", "true"),
        ("log.showSignature", "true"),
        ("notes.displayRef", "refs/notes/*"),
    ] {
        fixture.git(&["config", name, value]);
        fixture.run(&IMPORT).text();
        fixture.run(&[&CHECK[..], &["--all"]].concat()).text();
        std::fs::remove_dir_all(fixture.path("S")).unwrap();
    }
}

/// If a repository cannot be read, the message has all of git's own words.
#[test]
fn messages_name_what_is_wrong() {
    let fixture = Fixture::with_history();
    let with = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = fixture.command(arguments);
        command.envs(variables.iter().copied());
        Fixture::end(command)
    };
    // No temporary file is needed.
    with(&IMPORT, &[("TMPDIR", "/nowhere")]).text();
    with(&CHECK, &[("TMPDIR", "/nowhere")]).text();

    let owner = with(&IMPORT, &[("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")]).failure(3);
    assert!(owner.contains("dubious ownership"), "{owner}");
    assert!(
        owner.contains("git config --global --add safe.directory"),
        "{owner}"
    );

    let trusting = [
        ("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1"),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "safe.directory"),
        ("GIT_CONFIG_VALUE_0", "*"),
    ];
    with(&IMPORT, &trusting).text();

    let missing = ["import-git", "--repo", "nowhere", "--store", "T"];
    let quiet = fixture.run(&missing).failure(3);
    let traced = with(&missing, &[("GIT_TRACE", "1"), ("GIT_TRACE2", "1")]).failure(3);
    assert_eq!(traced, quiet);
    assert!(quiet.contains("No such file or directory"), "{quiet}");

    fixture.git(&["symbolic-ref", "HEAD", "refs/heads/gone"]);
    let gone = ["import-git", "--repo", "repo", "--store", "T"];
    insta::assert_snapshot!("head_names_no_branch", fixture.run(&gone).failure(3));
    let id = "8".repeat(40);
    std::fs::write(fixture.path("repo/.git/refs/heads/gone"), format!("{id}\n")).unwrap();
    let broken = fixture.run(&gone).failure(6);
    assert!(broken.contains(&id), "{broken}");
    assert!(!fixture.path("T").exists());
}

/// The imported history is what git calls the history. The summary says if other clones
/// have another one.
#[test]
fn shallow_and_replaced_histories_are_imported_with_a_note() {
    let fixture = Fixture::with_history();
    let note = |repo: &str, store: &str| {
        let import = ["import-git", "--repo", repo, "--store", store];
        let summary = fixture.run(&import).text();
        let check = ["check-git", "--repo", repo, "--store", store, "--all"];
        let check = fixture.run(&check).text();
        let notes: Vec<&str> = summary
            .lines()
            .filter(|line| line.starts_with("note "))
            .collect();
        format!("{}\n{check}", notes.join("\n"))
    };
    let mut text = format!("plain{}", note("repo", "S"));
    let url = format!("file://{}", fixture.path("repo").display());
    let path = fixture.path("shallow").display().to_string();
    fixture.git(&["clone", "--quiet", "--bare", "--depth=3", &url, &path]);
    let _ = writeln!(text, "shallow\n{}", note("shallow", "T"));
    // The third commit loses its parent, and a tree in the middle is replaced.
    let ids = fixture.commit_ids();
    fixture.git(&["replace", "--graft", &ids[2]]);
    let tree = |id: &str| format!("{id}^{{tree}}");
    fixture.git(&["replace", &tree(&ids[5]), &tree(&ids[9])]);
    let _ = writeln!(text, "replaced\n{}", note("repo", "U"));
    fixture.git(&["replace", "-d", &ids[2]]);
    let (graft, _) = (format!("{}\n", ids[4]), ());
    std::fs::write(fixture.path("repo/.git/info/grafts"), graft).unwrap();
    let _ = writeln!(text, "grafted\n{}", note("repo", "V"));
    insta::assert_snapshot!(text);
}

/// A repository that lacks an object, or has a path that no key can hold, is refused
/// with the commit and the path. The commits before it are kept.
#[test]
fn what_cannot_be_imported_is_named() {
    let mut repo = Plumbing::new();
    let x = repo.blob("x");
    let folder = repo.tree(&[("100644", "f", &x)]);
    let plain = repo.tree(&[("40000", "d", &folder)]);
    let missing = "8".repeat(40);
    let lacking = repo.tree(&[("40000", "lost", &missing)]);
    let broken = repo.tree(&[("40000", "d", &folder), ("40000", "e", &lacking)]);
    for _ in 0..3 {
        repo.commit(&plain);
    }
    repo.is_imported();
    repo.head = Some(repo.fixture.commit_ids()[0].clone());
    repo.commit(&broken);
    repo.commit(&plain);
    let id = &repo.fixture.commit_ids()[1];
    for command in [&IMPORT[..], &CHECK] {
        let said = repo.fixture.run(command).failure(6);
        assert!(said.contains(id), "{said}");
        assert!(said.contains("\"e/lost\""), "{said}");
        assert!(said.contains(&missing), "{said}");
    }

    let mut repo = Plumbing::new();
    let x = repo.blob("x");
    let long = "k".repeat(lithify::limits::KEY_BYTES + 1);
    let plain = repo.tree(&[("100644", "a", &x)]);
    let long = repo.tree(&[("100644", &long, &x)]);
    repo.commit(&plain);
    repo.commit(&long);
    let id = &repo.fixture.commit_ids()[1];
    let said = repo.fixture.run(&IMPORT).failure(3);
    assert!(said.contains(id) && said.contains("kkkk"), "{said}");
    assert!(
        said.ends_with("the store has the commits up to 1"),
        "{said}"
    );
}

/// One git process reads all trees, however many commits there are.
#[test]
fn check_git_starts_as_many_gits_for_many_commits_as_for_few() {
    let fixture = Fixture::with_history();
    let git = super::bad_input::which_git();
    std::fs::create_dir(fixture.path("bin")).unwrap();
    let started = fixture.path("started");
    let script = format!(
        "#!/bin/sh\necho >>'{}'\nexec {git} \"$@\"\n",
        started.display()
    );
    super::bad_input::write_program(&fixture.path("bin/git"), &script);
    let mut counts = Vec::new();
    for number in 15..17 {
        fixture.run(&IMPORT).text();
        let mut command = fixture.command(&[&CHECK[..], &["--all"]].concat());
        command.env("PATH", super::bad_input::path_before(&fixture.path("bin")));
        Fixture::end(command).text();
        counts.push(std::fs::read(&started).unwrap().len());
        std::fs::remove_file(&started).unwrap();
        fixture.commit("more", &[Put(b"README.md", &format!("{number}\n"))]);
    }
    assert_eq!(counts[0], counts[1]);
    assert!(counts[0] < 10, "{counts:?}");
}

/// Once the summary failed after all work was done.
#[test]
fn directories_may_have_names_that_are_no_utf_8() {
    let fixture = Fixture::with_history();
    std::fs::rename(fixture.path("repo"), fixture.path(bytes(b"r\xff"))).unwrap();
    let mut arguments: Vec<_> = ["import-git", "--format", "json", "--repo"]
        .map(Into::into)
        .to_vec();
    arguments.extend([bytes(b"r\xff"), bytes(b"--store"), bytes(b"s\xff")]);
    let json = Fixture::end(fixture.command(&arguments)).text();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["store"]["hex"], "73ff");
    assert_eq!(json["repository"]["hex"], "72ff");
}
