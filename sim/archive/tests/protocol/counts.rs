//! Numbers of requests are equal to their formulas.

use lithify::read::KeyRange;
use lithify::{Alignment, Commit};
use lithify_archive::plan::{Reach, missing_windows};
use lithify_archive::{Archive, Conversation, Number, Port, Request, Result, View, Writer};

use crate::history::{history, placement};
use crate::world::{Shared, World};

/// The verbs of the requests of a conversation.
fn requests_of<T>(
    shared: &Shared,
    conversation: Conversation<'_, Result<T>>,
) -> (T, Vec<&'static str>) {
    shared.0.lock().unwrap().requests.clear();
    let result = conversation.run(shared).unwrap();
    let requests = shared.0.lock().unwrap().requests.clone();
    (result, requests.iter().map(Request::verb).collect())
}

fn count(verbs: &[&str], verb: &str) -> usize {
    verbs.iter().filter(|it| **it == verb).count()
}

/// The archive after each commit of a writer that stays open, with a cache.
fn each_commit(alignment: &str, commits: u64, mut see: impl FnMut(&World, u64, &[&str])) {
    let shared = Shared::default();
    let history = history("x", 0, commits);
    let placement = placement(alignment);
    let (mut writer, opening) = requests_of(
        &shared,
        Conversation::new(|port| async move {
            let archive = Archive::create(&port, Number(7), &placement, 1 << 20).await?;
            Writer::open(&port, archive, Number(1)).await
        }),
    );
    assert_eq!(opening, ["get", "create", "get", "get"]);
    for (changes, number) in history.iter().zip(1..) {
        let (target, changes) = (&mut writer, std::slice::from_ref(changes));
        let pushing = Conversation::new(move |port| async move {
            target.push(&port, changes).await?;
            target.settle(&port).await
        });
        let (_, verbs) = requests_of(&shared, pushing);
        see(&shared.0.lock().unwrap().clone(), number, &verbs);
    }
}

/// A commit is one request, one for each window that it closes for good, and one for `head`.
#[test]
fn requests_of_a_commit() {
    for alignment in ["2", "3", "2x2", "none"] {
        let rule: Alignment = alignment.parse().unwrap();
        each_commit(alignment, 40, |_, number, verbs| {
            let (before, at) = (Commit::new(number - 1), Commit::new(number));
            let windows = missing_windows(&rule, before, at).len();
            // With the steps of a cascade there were more; here only the widest one is written.
            assert_eq!(windows, usize::from(rule.closing_level(at) > 0));
            assert_eq!(count(verbs, "create"), 1 + windows, "{alignment} {number}");
            assert_eq!(count(verbs, "put"), 1);
            assert_eq!(verbs.len(), 2 + windows, "{alignment} {number}: {verbs:?}");
        });
    }
}

/// An opening is three requests. A point read that finds nothing, a scan and a restore are one request
/// for each live window that begins before their commit, with or without windows that a trim removed.
#[test]
fn requests_of_readers() {
    for alignment in ["2", "3", "2x2", "none"] {
        let rule: Alignment = alignment.parse().unwrap();
        each_commit(alignment, 30, |world, number, _| {
            for is_trimmed in [false, true] {
                let shared = Shared(std::sync::Mutex::new(world.clone()));
                if is_trimmed {
                    let trimming = Conversation::new(|port| async move {
                        Archive::open(&port, 0).await?.trim(&port, 0).await
                    });
                    trimming.run(&shared).unwrap();
                }
                let ((archive, reach), verbs) = requests_of(&shared, Conversation::new(open));
                assert_eq!(verbs, ["get"; 3]);
                assert_eq!(reach.head, Commit::new(number));
                for at in [1, number / 2, number] {
                    reads(&shared, &rule, &archive, &reach, Commit::new(at));
                }
            }
        });
    }
}

async fn open(port: Port) -> Result<(Archive, Reach)> {
    let archive = Archive::open(&port, 0).await?;
    let mut reach = Reach::default();
    archive.look(&port, &mut reach).await?;
    Ok((archive, reach))
}

fn reads(shared: &Shared, rule: &Alignment, archive: &Archive, reach: &Reach, at: Commit) {
    let layout = rule.layout_at(reach.head);
    let live = layout.iter().filter(|window| window.start < at).count();
    let view = &View::new(archive, reach, at).unwrap();
    let missing = Conversation::new(|port| async move { view.get(&port, "stones", b"none").await });
    assert_eq!(requests_of(shared, missing).1.len(), live);
    let all = &KeyRange::all();
    let scan = Conversation::new(|port| async move { view.range(&port, "stones", all).await });
    assert_eq!(requests_of(shared, scan).1.len(), live);
    let restore = Conversation::new(|port| async move {
        let mut changes = view.changes_since(Commit::ZERO);
        while changes.next(&port).await?.is_some() {}
        Ok(())
    });
    assert_eq!(requests_of(shared, restore).1.len(), live);
    assert_eq!(view.objects().len(), live);
}

/// A second read finds everything in the cache.
#[test]
fn a_cached_read_makes_no_request() {
    each_commit("3", 20, |world, _, _| {
        let shared = Shared(std::sync::Mutex::new(world.clone()));
        let opening = Conversation::new(|port: Port| async move {
            let archive = Archive::open(&port, 1 << 20).await?;
            let mut reach = Reach::default();
            archive.look(&port, &mut reach).await?;
            let view = View::new(&archive, &reach, reach.head)?;
            view.range(&port, "stones", &KeyRange::all()).await?;
            Ok::<_, lithify_archive::Error>(view)
        });
        let view = &opening.run(&shared).unwrap();
        let again = Conversation::new(|port| async move {
            view.get(&port, "stones", b"none").await?;
            view.range(&port, "stones", &KeyRange::all()).await
        });
        assert_eq!(requests_of(&shared, again).1.len(), 0);
    });
}

/// A first push of many commits makes few objects: the layout, and each part of it once more as a log
/// object.
#[test]
fn requests_of_a_first_push() {
    let shared = Shared::default();
    let (history, placement) = (history("x", 0, 50), placement("3"));
    let pushing = Conversation::new(|port| async move {
        let archive = Archive::create(&port, Number(7), &placement, 1 << 20).await?;
        let mut writer = Writer::open(&port, archive, Number(1)).await?;
        let mut done = 0;
        while done < history.len() {
            done += writer.push(&port, &history[done..]).await?;
        }
        writer.settle(&port).await
    });
    let (windows, verbs) = requests_of(&shared, pushing);
    // 50 is 1212 in base 3: windows of 27, 9, 9, 3, and two single commits.
    assert_eq!(windows, 4);
    assert_eq!(count(&verbs, "create"), 1 + 6 + 4);
    assert_eq!((count(&verbs, "get"), count(&verbs, "put")), (3, 1));
    let names: Vec<String> = shared.0.lock().unwrap().objects.keys().cloned().collect();
    insta::assert_snapshot!(names.join("\n"));
}
