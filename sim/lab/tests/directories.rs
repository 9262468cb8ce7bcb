//! What directories, hard links and files without a name are after a crash, under every model of a
//! file system: small programs on a `Tree`, and everything that may be found at their end.
//!
//! The snapshot is the table. The rules behind it: a sync of a file covers its name only where the
//! model says so (POSIX does not; btrfs logs the names of the file and of its new directories; a
//! journal of names is written as a whole), a sync of a directory covers the entries in it and not
//! its own, and `fdatasync` of a file that has got a second name has no metadata to write
//! (ext4, `ext4_link` marks the inode dirty for `fsync` only).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use lithify_sim::disk::explore::explore;
use lithify_sim::disk::model::MODELS;
use lithify_sim::disk::tree::{Place, Tree, digest};
use lithify_sim::disk::{Budget, Frontier, Image, Model};
use lithify_sim::keyed::{Domain, Seed};

const ROOT: u32 = Tree::ROOT;

fn sync(tree: &mut Tree, inode: u32) {
    let now = tree.log().operations().len();
    tree.sync(inode, false, now);
}

fn sync_data(tree: &mut Tree, inode: u32) {
    let now = tree.log().operations().len();
    tree.sync(inode, true, now);
}

fn file_in_new_directory(tree: &mut Tree) -> (u32, u32) {
    let directory = tree.make_directory(ROOT, "d");
    let file = tree.create(directory, "f");
    tree.write(file, 0, b"x");
    sync(tree, file);
    (directory, file)
}

type Program = (&'static str, fn(&mut Tree));

const PROGRAMS: &[Program] = &[
    ("mkdir d, create d/f, fsync d/f", |tree| {
        file_in_new_directory(tree);
    }),
    ("the same, fsync d", |tree| {
        let (directory, _) = file_in_new_directory(tree);
        sync(tree, directory);
    }),
    ("the same, fsync the root", |tree| {
        file_in_new_directory(tree);
        sync(tree, ROOT);
    }),
    ("the same, fsync both", |tree| {
        let (directory, _) = file_in_new_directory(tree);
        sync(tree, directory);
        sync(tree, ROOT);
    }),
    ("d/f is there: rename d e", |tree| {
        let directory = tree.put_directory(ROOT, "d");
        tree.put_file(directory, "f", b"o".to_vec());
        tree.rename((ROOT, "d"), (ROOT, "e"));
    }),
    ("d/f is there: rename d e, create e/g, fsync e", |tree| {
        let directory = tree.put_directory(ROOT, "d");
        tree.put_file(directory, "f", b"o".to_vec());
        tree.rename((ROOT, "d"), (ROOT, "e"));
        tree.create(directory, "g");
        sync(tree, directory);
    }),
    (
        "a/x and b/x are there: unlink b/x, rename a/x b/x, fsync a",
        |tree| {
            let (a, b) = (tree.put_directory(ROOT, "a"), tree.put_directory(ROOT, "b"));
            tree.put_file(a, "x", b"n".to_vec());
            tree.put_file(b, "x", b"o".to_vec());
            tree.remove(b, "x");
            tree.rename((a, "x"), (b, "x"));
            sync(tree, a);
        },
    ),
    ("f is there: link f g, fdatasync f", |tree| {
        let file = tree.put_file(ROOT, "f", b"o".to_vec());
        tree.link(file, ROOT, "g");
        sync_data(tree, file);
    }),
    ("f is there: link f g, fsync f", |tree| {
        let file = tree.put_file(ROOT, "f", b"o".to_vec());
        tree.link(file, ROOT, "g");
        sync(tree, file);
    }),
    ("f is there: link f g, unlink f", |tree| {
        let file = tree.put_file(ROOT, "f", b"o".to_vec());
        tree.link(file, ROOT, "g");
        tree.remove(ROOT, "f");
    }),
    ("open without a name, write, fsync, link to f", |tree| {
        let file = tree.create_nameless();
        tree.write(file, 0, b"x");
        sync(tree, file);
        tree.link(file, ROOT, "f");
    }),
    (
        "d is there: rmdir d, mkdir d, create d/f, fsync d",
        |tree| {
            tree.put_directory(ROOT, "d");
            tree.remove(ROOT, "d");
            let again = tree.make_directory(ROOT, "d");
            tree.create(again, "f");
            sync(tree, again);
        },
    ),
    (
        "f is there: write 1, fsync begins, write 2, fsync returns",
        |tree| {
            let file = tree.put_file(ROOT, "f", vec![b'o'; 1024]);
            tree.write(file, 0, &[b'1'; 512]);
            let entered = tree.log().operations().len();
            tree.write(file, 512, &[b'2'; 512]);
            tree.sync(file, false, entered);
        },
    ),
];

fn describe(shown: &BTreeMap<String, Place>) -> String {
    let places = shown.iter().map(|(path, place)| match place {
        Place::Directory => format!("{path}/"),
        Place::Symlink(target) => format!("{path}->{target}"),
        Place::File { bytes, .. } => {
            let letter = |&byte: &u8| match byte {
                0 => '0',
                b'a'..=b'z' | b'1'..=b'9' => char::from(byte),
                _ => '?',
            };
            let mut letters: Vec<char> = bytes.iter().map(letter).collect();
            letters.dedup();
            format!("{path}={}", letters.into_iter().collect::<String>())
        }
    });
    let text = places.collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        "nothing".into()
    } else {
        text
    }
}

fn outcomes(tree: &Tree, model: &'static Model) -> BTreeSet<String> {
    let mut frontier = Frontier::new(model, tree.start().clone(), tree.log());
    frontier.advance_to(tree.log().operations().len());
    let mut found = BTreeSet::new();
    let mut draws = Seed(0).draws(Domain::CrashImages, 0);
    explore(&frontier, Budget::ALL, &mut draws, &mut |_, image| {
        found.insert(describe(&tree.show(&image)));
        ControlFlow::Continue(())
    });
    found
}

#[test]
fn what_may_be_found() {
    let mut table = String::new();
    for (name, program) in PROGRAMS {
        let mut tree = Tree::new();
        program(&mut tree);
        table += &format!("{name}\n");
        let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
        for model in MODELS.iter().filter(|model| !model.is_comparison) {
            let found: Vec<String> = outcomes(&tree, model).into_iter().collect();
            let text = found.join(" | ");
            match rows.iter_mut().find(|(known, _)| *known == text) {
                Some((_, models)) => models.push(model.name),
                None => rows.push((text, vec![model.name])),
            }
        }
        for (text, models) in rows {
            table += &format!("  {text}\n    {}\n", models.join(", "));
        }
    }
    insta::assert_snapshot!(table);
}

/// What is there when nothing is lost is what the process sees, whatever the model.
#[test]
fn nothing_lost_is_what_the_process_sees() {
    for (name, program) in PROGRAMS {
        let mut tree = Tree::new();
        program(&mut tree);
        let live = digest(&tree.show(&tree.live()));
        for model in MODELS {
            let mut frontier = Frontier::new(model, tree.start().clone(), tree.log());
            frontier.advance_to(tree.log().operations().len());
            let all = frontier.image(|_| true, &lithify_sim::disk::Fill::Zero);
            assert_eq!(digest(&tree.show(&all)), live, "{name}, {}", model.name);
        }
    }
}

#[test]
fn hard_links_and_copies_are_told_apart() {
    let shown = |is_linked: bool| {
        let mut tree = Tree::new();
        let file = tree.put_file(ROOT, "f", b"o".to_vec());
        match is_linked {
            true => tree.put_link(ROOT, "g", file),
            false => _ = tree.put_file(ROOT, "g", b"o".to_vec()),
        }
        digest(&tree.show(tree.start()))
    };
    assert_eq!(shown(true), shown(true));
    assert_ne!(shown(true), shown(false));
}

/// A directory below itself cannot be reached, and showing it ends.
#[test]
fn a_circle_is_not_shown() {
    let mut tree = Tree::new();
    let (a, b) = (tree.put_directory(ROOT, "a"), tree.put_directory(ROOT, "b"));
    tree.rename((ROOT, "a"), (b, "a"));
    tree.rename((b, "a"), (ROOT, "a"));
    tree.rename((ROOT, "b"), (a, "b"));
    let model = Model::DEFAULT;
    let mut frontier = Frontier::new(model, tree.start().clone(), tree.log());
    frontier.advance_to(tree.log().operations().len());
    let circle: Image = frontier.image(|index| index != 1, &lithify_sim::disk::Fill::Zero);
    assert_eq!(describe(&tree.show(&circle)), "nothing");
}
