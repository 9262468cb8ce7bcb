//! The simulated file system is a file system, and its models agree with the
//! literature.
//!
//! [`SimFs`] runs the same conformance cases as `OsFs` and `MemFs`; a property test of
//! the root package compares lists of operations with a real directory. The litmus
//! tests are reviewed snapshots: every outcome that a model allows, and a table of what
//! was published about each file system, with the verdict of its model. The images that
//! the laboratory chooses are compared with all legal images of small histories, one
//! after the other.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use lithify::fs::{Access, Fs};
use lithify_sim::disk::conformance;
use lithify_sim::disk::explore::{Sources, explore, explore_sources};
use lithify_sim::disk::litmus::published::{Agreement, PUBLISHED, Verdict};
use lithify_sim::disk::litmus::{LITMUS, Litmus};
use lithify_sim::disk::model::MODELS;
use lithify_sim::disk::{
    Budget, Change, ChangeKind, Choice, Coverage, Fill, Frontier, Image, Log, Model, SimFs,
};
use lithify_sim::keyed::{Domain, Draws, Seed};

#[test]
fn the_simulated_file_system_conforms() {
    conformance::check(&SimFs::new());
}

#[test]
fn a_file_system_that_starts_from_an_image_conforms() {
    conformance::check(&SimFs::from_image(&SimFs::new().image()));
}

/// A process that dies in the middle of a log leaves the operations before that moment.
#[test]
fn a_log_can_be_done_again_up_to_any_place() {
    let fs = SimFs::new();
    conformance::check(&fs);
    let log = fs.log();
    let operations = log.operations();
    assert!(operations.len() > 100, "only {} entries", operations.len());
    for end in (0..operations.len()).step_by(7) {
        let again = SimFs::from_log(&Image::default(), &log, end);
        assert_eq!(again.log().operations(), &operations[..end]);
    }
    let again = SimFs::from_log(&Image::default(), &log, operations.len());
    assert_eq!(again.image().digest(), fs.image().digest());
}

/// Every litmus test on every file system that has a model. `sim list --litmus` prints
/// the table.
#[test]
fn models_allow_at_least_what_was_published() {
    for litmus in LITMUS {
        for model in MODELS {
            let stands_for_a_file_system = model.honest && !model.is_comparison;
            let published = litmus.published(model);
            let place = format!("{}, {}", litmus.name, model.name);
            assert_eq!(published.is_some(), stands_for_a_file_system, "{place}");
            let Some(published) = published else { continue };
            let agreement = published.agreement(litmus, model);
            assert_ne!(agreement, Agreement::Contradicts, "{place}");
            let is_told = agreement != Agreement::Assumes || !published.remark.is_empty();
            assert!(is_told, "{place}: on what does the model rely?");
        }
    }
}

/// The comparison above can fail: a model that keeps every order contradicts ext4.
#[test]
fn a_model_that_hides_a_published_crash_contradicts_it() {
    let strict = Model::named("strict-ordered").expect("the model exists");
    let xfs = Model::named("xfs").expect("the model exists");
    let ext4 = Model::named("ext4-ordered").expect("the model exists");
    for litmus in &LITMUS[..3] {
        let published = litmus.published(ext4).expect("a row for each");
        assert_eq!(published.agreement(litmus, ext4), Agreement::Agrees);
        assert_eq!(published.agreement(litmus, strict), Agreement::Contradicts);
    }
    // On XFS the length and the bytes of an append keep their order, so the witness is
    // not an outcome.
    let prefix = &LITMUS[0];
    let published = prefix.published(ext4).expect("a row for each");
    assert_eq!(published.agreement(prefix, xfs), Agreement::Contradicts);
    // In the other direction, the model only demands more.
    let published = prefix.published(xfs).expect("a row for each");
    assert_eq!(published.agreement(prefix, ext4), Agreement::Weaker);
}

#[test]
fn published_rows_name_what_there_is_once() {
    let mut seen = BTreeSet::new();
    for row in PUBLISHED {
        assert!(Model::named(row.model).is_some(), "{}", row.model);
        assert!(row.witness.is_none() || row.verdict == Verdict::Unsafe);
        for name in row.litmus {
            assert!(Litmus::named(name).is_some(), "{name}");
            assert!(
                seen.insert((row.model, name)),
                "{}: {name} twice",
                row.model
            );
        }
    }
}

#[test]
fn litmus_outcomes_of_every_model() {
    let mut text = String::new();
    for litmus in LITMUS {
        writeln!(text, "{}: {}", litmus.name, litmus.question).expect("a string grows");
        for model in MODELS {
            let outcomes = litmus.outcomes(model);
            let surprises = litmus.surprises(model).len();
            writeln!(
                text,
                "  {}: {} outcomes, {surprises} surprising",
                model.name,
                outcomes.len()
            )
            .expect("a string grows");
            // Fills and sectors multiply the outcomes; a few of each kind are enough.
            for outcome in outcomes.iter().take(12) {
                writeln!(text, "    {outcome:?}").expect("a string grows");
            }
            if outcomes.len() > 12 {
                writeln!(text, "    ...").expect("a string grows");
            }
        }
    }
    insta::assert_snapshot!(text);
}

fn model(name: &str) -> &'static Model {
    Model::named(name).expect("the model exists")
}

fn create(fs: &SimFs, name: &str, bytes: &[u8]) {
    let file = fs.create(name).expect("nothing fails here");
    file.append(bytes).expect("nothing fails here");
}

fn write(fs: &SimFs, name: &str, offset: u64, bytes: &[u8]) {
    let file = fs.open(name, Access::Write).expect("nothing fails here");
    file.write_at(offset, bytes).expect("nothing fails here");
}

fn set_len(fs: &SimFs, name: &str, length: u64) {
    let file = fs.open(name, Access::Write).expect("nothing fails here");
    file.set_len(length).expect("nothing fails here");
}

fn sync_all(fs: &SimFs, name: &str) {
    let file = fs.open(name, Access::Write).expect("nothing fails here");
    file.sync().expect("nothing fails here");
    fs.sync_dir("").expect("nothing fails here");
}

/// Creates a durable file with these bytes.
fn create_durable(fs: &SimFs, name: &str, bytes: &[u8]) {
    create(fs, name, bytes);
    sync_all(fs, name);
}

/// The possible contents of a file after a crash in the state of `frontier`, each with
/// the name of the fill.
fn contents(frontier: &Frontier<'_>, name: &str) -> BTreeSet<(String, Vec<u8>)> {
    let mut found = BTreeSet::new();
    let mut draws = Seed(0).draws(Domain::CrashImages, 0);
    let mut visit = |choice: Choice, image: Image| {
        let bytes = image.files().find(|file| file.0 == name);
        let fill = choice.fill.name().into_owned();
        found.extend(bytes.map(|(_, bytes)| (fill, bytes.to_vec())));
        ControlFlow::Continue(())
    };
    explore_sources(frontier, Budget::ALL, Sources::All, &mut draws, &mut visit);
    found
}

fn at_end<'log>(model: &'static Model, start: Image, log: &'log Log) -> Frontier<'log> {
    let mut frontier = Frontier::new(model, start, log);
    frontier.advance_to(log.operations().len());
    frontier
}

/// The header is written last and lost: its place does not always read as zeros.
#[test]
fn a_lost_header_before_a_kept_body_reads_as_any_fill() {
    let fs = SimFs::new();
    create_durable(&fs, "old", &[b'o'; 300]);
    fs.remove("old").expect("nothing fails here");
    create_durable(&fs, "f", b"");
    write(&fs, "f", 56, &[b'b'; 144]);
    write(&fs, "f", 0, &[b'h'; 56]);
    let log = fs.log();
    let mut frontier = at_end(model("posix-min"), Image::default(), &log);
    let found = contents(&frontier, "f");
    let has = |fill: &str, header: fn(u8) -> bool, body: fn(u8) -> bool| {
        found.iter().any(|(name, bytes)| {
            let is_as_asked = |bytes: &[u8], is: fn(u8) -> bool| bytes.iter().all(|&b| is(b));
            *name == fill
                && bytes.len() == 200
                && is_as_asked(&bytes[..56], header)
                && is_as_asked(&bytes[56..], body)
        })
    };
    let bodies: [fn(u8) -> bool; 2] = [|byte| byte == b'b', |byte| byte == 0];
    assert!(has("zero", |byte| byte == 0, bodies[0]));
    assert!(has("zero", |byte| byte == 0, bodies[1]));
    assert!(has("garbage", |byte| byte % 2 == 1, bodies[0]));
    assert!(has("garbage", |byte| byte % 2 == 1, |byte| byte % 2 == 1));
    assert!(has("stale", |byte| byte == b'o', bodies[0]));
    assert!(has("stale", |byte| byte == b'o', |byte| byte == b'o'));
    // A gap that was never written is a hole, whatever was lost around it.
    write(&fs, "f", 900, b"x");
    let log = fs.log();
    frontier = at_end(model("posix-min"), Image::default(), &log);
    let found = contents(&frontier, "f");
    let is_hole = |bytes: &[u8]| bytes.get(200..900).is_none_or(|gap| *gap == [0; 700]);
    assert!(found.iter().all(|(_, bytes)| is_hole(bytes)));
}

/// Shortening a file removes the lost bytes behind its new end.
#[test]
fn bytes_behind_a_shortening_are_filled_only_when_they_are_written_again() {
    let fs = SimFs::new();
    create_durable(&fs, "f", b"");
    write(&fs, "f", 0, &[b'a'; 40]);
    set_len(&fs, "f", 10);
    set_len(&fs, "f", 30);
    let log = fs.log();
    let frontier = at_end(model("posix-min"), Image::default(), &log);
    let is_zero = |bytes: &[u8]| bytes.len() != 30 || bytes[10..] == [0; 20];
    let found = contents(&frontier, "f");
    assert!(found.iter().all(|(_, bytes)| is_zero(bytes)), "{found:?}");
    write(&fs, "f", 15, &[b'b'; 5]);
    let log = fs.log();
    let frontier = at_end(model("posix-min"), Image::default(), &log);
    let found = contents(&frontier, "f");
    let is_expected = |bytes: &[u8]| {
        bytes[10..15] == [0; 5]
            && bytes[20..] == [0; 10]
            && bytes[15..20].iter().all(|b| b % 2 == 1)
    };
    let mut lengthened = found.iter().filter(|(_, bytes)| bytes.len() == 30);
    assert!(lengthened.any(|(fill, bytes)| fill == "garbage" && is_expected(bytes)));
}

fn stale(frontier: &Frontier<'_>) -> Option<Vec<u8>> {
    frontier.fills().into_iter().find_map(|fill| match fill {
        Fill::Stale {
            source: None,
            bytes,
        } => Some(bytes.to_vec()),
        _ => None,
    })
}

#[test]
fn stale_bytes_come_from_whatever_has_lost_its_name() {
    let model = model("ext4-writeback");
    // From a file that a rename replaced.
    let fs = SimFs::new();
    create_durable(&fs, "f", b"replaced");
    create(&fs, "g", b"new");
    fs.rename("g", "f").expect("nothing fails here");
    let log = fs.log();
    assert_eq!(
        stale(&at_end(model, Image::default(), &log)).as_deref(),
        Some(&b"replaced"[..])
    );
    // From a file that was never durable: its bytes may have reached the disk.
    let fs = SimFs::new();
    create(&fs, "f", b"volatile");
    fs.remove("f").expect("nothing fails here");
    create(&fs, "empty", b"");
    fs.remove("empty").expect("nothing fails here");
    let log = fs.log();
    assert_eq!(
        stale(&at_end(model, Image::default(), &log)).as_deref(),
        Some(&b"volatile"[..])
    );
    // From a file whose name a crash has lost.
    let fs = SimFs::new();
    create(&fs, "f", b"nameless");
    let file = fs.open("f", Access::Write).expect("nothing fails here");
    file.sync().expect("nothing fails here");
    let log = fs.log();
    let frontier = at_end(Model::DEFAULT, Image::default(), &log);
    assert_eq!(stale(&frontier), None);
    let start = frontier.durable().clone();
    assert_eq!(start.files().count(), 0);
    let log = SimFs::from_image(&start).log();
    assert_eq!(
        stale(&at_end(model, start, &log)).as_deref(),
        Some(&b"nameless"[..])
    );
}

/// The bytes of all stale fills except the first, with the names in traces.
fn sources(frontier: &Frontier<'_>) -> Vec<(String, Vec<u8>)> {
    let fills = frontier.fills().into_iter();
    let named = fills.filter_map(|fill| match &fill {
        Fill::Stale {
            source: Some(_),
            bytes,
        } => Some((fill.name().into_owned(), bytes.to_vec())),
        _ => None,
    });
    named.collect()
}

fn named(texts: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
    let named = texts.iter();
    named
        .map(|(name, bytes)| (format!("stale {name}"), bytes.to_vec()))
        .collect()
}

/// Stale bytes come from files that were removed long ago, earlier files with the same
/// name, overwritten and cut-off bytes, and files whose creation was lost, over any
/// number of losses of power.
#[test]
fn stale_bytes_come_from_any_earlier_file() {
    let fs = SimFs::new();
    for bytes in [b"first", b"other"] {
        create_durable(&fs, "f", bytes);
        fs.remove("f").expect("nothing fails here");
    }
    create_durable(&fs, "g", b"whole");
    write(&fs, "g", 0, b"W");
    set_len(&fs, "g", 2);
    // Overwriting with equal bytes replaces nothing.
    write(&fs, "g", 0, b"Wh");
    create(&fs, "volatile", b"never durable");
    let log = fs.log();
    let frontier = at_end(Model::DEFAULT, Image::default(), &log);
    let before: [(&str, &[u8]); 4] = [
        ("g#1", b"Whole"),
        ("g#2", b"whole"),
        ("f#1", b"other"),
        ("f#2", b"first"),
    ];
    assert_eq!(sources(&frontier), named(&before));
    // A crash that loses all pending changes leaves their bytes on the device.
    let start = frontier.image(|_| false, &Fill::Zero);
    assert!(start.files().all(|(name, _)| name != "volatile"));
    let log = SimFs::from_image(&start).log();
    let frontier = at_end(Model::DEFAULT, start, &log);
    let left: [(&str, &[u8]); 2] = [("volatile#1", b"never durable"), ("g#1", b"Wh")];
    let all: Vec<_> = left
        .into_iter()
        .chain(before.map(|(name, bytes)| match name {
            "g#1" => ("g#2", bytes),
            "g#2" => ("g#3", bytes),
            _ => (name, bytes),
        }))
        .collect();
    assert_eq!(sources(&frontier), named(&all));
    // A crash of the next epoch keeps the remnants, and so does a machine that restarted
    // in between.
    let start = frontier.image(|_| true, &Fill::Zero);
    let log = SimFs::from_image(&SimFs::from_image(&start).image()).log();
    let frontier = at_end(Model::DEFAULT, start, &log);
    assert_eq!(sources(&frontier), named(&all));
    // No stale bytes appear under a model without stale fills.
    let ordered = at_end(model("ext4-ordered"), Image::default(), &log);
    assert_eq!(sources(&ordered), []);
}

/// No file of the store that used the device before is visible, but all its bytes may
/// come back.
#[test]
fn another_store_leaves_its_blocks() {
    let other = SimFs::from_image(&Image::of_machine(1));
    create_durable(&other, "f", b"foreign");
    create_durable(&other, "g", b"removed");
    other.remove("g").expect("nothing fails here");
    let start = Image::used_before(&other.log());
    assert_eq!(start.files().count(), 0);
    let fs = SimFs::from_image(&start);
    let fresh = |fs: &SimFs| fs.fresh_number("f").expect("nothing fails here");
    assert_ne!(fresh(&fs), fresh(&SimFs::from_image(&Image::of_machine(1))));
    create(&fs, "f", b"ours ours");
    let log = fs.log();
    let frontier = at_end(Model::DEFAULT, start, &log);
    let found = contents(&frontier, "f");
    let is_there = |fill: &str, bytes: &[u8]| found.contains(&(fill.to_owned(), bytes.to_vec()));
    assert!(is_there("stale foreign:f#1", b"foreign\0\0"), "{found:?}");
    assert!(is_there("stale foreign:g#1", b"removed\0\0"), "{found:?}");
}

/// With a small limit, sources with the loser's own name come first, and then others.
#[test]
fn some_sources_are_of_the_same_name_and_some_are_not() {
    let fs = SimFs::new();
    for name in ["f", "f", "f", "g", "h"] {
        let byte = fs.log_length() as u8;
        create_durable(&fs, name, &[byte; 40]);
        fs.remove(name).expect("nothing fails here");
    }
    create_durable(&fs, "f", b"");
    write(&fs, "f", 0, &[b'n'; 30]);
    let log = fs.log();
    let frontier = at_end(Model::DEFAULT, Image::default(), &log);
    let fills = |sources: Sources| {
        let mut found = Vec::new();
        let mut draws = Seed(0).draws(Domain::CrashImages, 0);
        let mut visit = |choice: Choice, _: Image| {
            found.extend(Some(choice.fill.name().into_owned()).filter(|name| name.contains('#')));
            ControlFlow::Continue(())
        };
        explore_sources(&frontier, Budget::ALL, sources, &mut draws, &mut visit);
        found
    };
    assert_eq!(fills(Sources::Last).len(), 0);
    // "h" is already the first stale fill.
    let some = fills(Sources::Earlier(3));
    assert_eq!(some, ["stale f#1", "stale f#2", "stale g#1"]);
    assert_eq!(fills(Sources::All).len(), 4);
}

/// One crash loses an append and its length. The next crash keeps the length and loses
/// the bytes: the earlier lost bytes of the file are in that place again.
#[test]
fn a_file_gets_back_what_it_has_lost() {
    let fs = SimFs::new();
    create_durable(&fs, "f", b"durable");
    write(&fs, "f", 7, b" lost");
    let log = fs.log();
    let start = at_end(Model::DEFAULT, Image::default(), &log).image(|_| false, &Fill::Zero);
    assert_eq!(start.files().collect::<Vec<_>>(), [("f", &b"durable"[..])]);
    let fs = SimFs::from_image(&start);
    write(&fs, "f", 7, b" ours");
    let log = fs.log();
    let frontier = at_end(Model::DEFAULT, start, &log);
    let found = |sources: Sources| {
        let mut found = Vec::new();
        let mut draws = Seed(0).draws(Domain::CrashImages, 0);
        let mut visit = |choice: Choice, image: Image| {
            let (_, bytes) = image.files().next().expect("the file is durable");
            if bytes == b"durable lost" {
                found.push(choice.fill.name().into_owned());
            }
            ControlFlow::Continue(())
        };
        explore_sources(&frontier, Budget::ALL, sources, &mut draws, &mut visit);
        found
    };
    assert_eq!(found(Sources::Earlier(0)), ["stale f#1"]);
    assert_eq!(found(Sources::Last), [""; 0]);
}

/// An overwrite in the same sector as an append whose length was lost.
#[test]
fn an_overwrite_takes_along_what_cannot_be_seen_in_its_sector() {
    let fs = SimFs::new();
    create_durable(&fs, "f", &[b'a'; 100]);
    write(&fs, "f", 100, &[b'b'; 50]);
    write(&fs, "f", 0, &[b'c'; 56]);
    let log = fs.log();
    let frontier = at_end(model("posix-min"), Image::default(), &log);
    let found = contents(&frontier, "f");
    let is_overwritten = |bytes: &[u8]| bytes.len() == 100 && bytes[0] == b'c';
    assert!(found.iter().any(|(_, bytes)| is_overwritten(bytes)));
    let coverage = explored(&frontier, &mut BTreeSet::new());
    // Short: unchanged or overwritten. Long: with neither write, the append, or both;
    // lost bytes are zeros, garbage, or what the file held before.
    assert_eq!(
        (coverage.enumerated_points, coverage.images),
        (1, 2 + 4 + 3)
    );
}

/// The requirement of a log with preallocated zeros: a write into the zeros does not
/// change the length. Each piece of the write is on the disk or still zero. A data sync
/// makes the write durable and does not write the journal, which would include other
/// names.
#[test]
fn a_write_into_durable_zeros_is_there_or_leaves_zeros() {
    for model in MODELS.iter().filter(|model| !model.drops_all) {
        let fs = SimFs::new();
        create_durable(&fs, "old", &[b'o'; 8192]);
        fs.remove("old").expect("nothing fails here");
        create_durable(&fs, "f", &[0; 8192]);
        create(&fs, "other", b"");
        let start = fs.log().operations().len();
        write(&fs, "f", 3000, &[b'b'; 1500]);
        let log = fs.log();
        let frontier = at_end(model, Image::default(), &log);
        if model.honest {
            let found = contents(&frontier, "f");
            assert!(found.len() > 1, "{}: nothing may be lost", model.name);
            for (_, bytes) in &found {
                assert_eq!(bytes.len(), 8192, "{}", model.name);
                let is_right = |(place, &byte): (usize, &u8)| {
                    byte == 0 || byte == b'b' && (3000..4500).contains(&place)
                };
                assert!(bytes.iter().enumerate().all(is_right), "{}", model.name);
                let sectors = bytes[3072..4096].chunks(512);
                let mut sectors =
                    sectors.map(|sector| sector.iter().all(|&byte| byte == sector[0]));
                assert!(
                    sectors.all(|is_whole| is_whole),
                    "{}: a torn sector",
                    model.name
                );
            }
        }
        let own = frontier
            .pending()
            .iter()
            .filter(|change| change.operation >= start);
        let is_size = |kind: &ChangeKind| matches!(kind, ChangeKind::Size { .. });
        assert!(own.clone().count() > 0 && !own.clone().any(|change| is_size(&change.kind)));
        let file = fs.open("f", Access::Write).expect("nothing fails here");
        file.sync_data().expect("nothing fails here");
        let log = fs.log();
        let frontier = at_end(model, Image::default(), &log);
        let is_own = |change: &Change| change.operation >= start;
        let names = frontier
            .pending()
            .iter()
            .filter(|change| change.kind.is_name());
        if model.honest {
            assert!(!frontier.pending().iter().any(is_own), "{}", model.name);
            let is_whole_device = model.orders_all || model.instant.names;
            assert_eq!(
                names.count(),
                usize::from(!is_whole_device),
                "{}",
                model.name
            );
        }
    }
}

/// Between the two calls only the old name is gone.
#[test]
fn instant_names_and_lengths_make_every_call_a_crash_point() {
    for name in ["data-only", "names-instant", "prefix-only"] {
        let fs = SimFs::new();
        create_durable(&fs, "f", b"old");
        create_durable(&fs, "g", b"new");
        fs.remove("f").expect("nothing fails here");
        fs.rename("g", "f").expect("nothing fails here");
        let log = fs.log();
        let mut is_seen = false;
        let mut frontier = Frontier::new(model(name), Image::default(), &log);
        while frontier.next().is_some() {
            frontier.advance();
            let names: Vec<&str> = frontier.durable().files().map(|file| file.0).collect();
            is_seen |= frontier.is_crash_point() && names == ["g"];
        }
        assert!(is_seen, "{name}");
    }
}

#[test]
fn only_sampled_points_are_counted_as_such() {
    let fs = SimFs::new();
    create_durable(&fs, "f", b"");
    write(&fs, "f", 0, &[b'a'; 3 * 512]);
    let log = fs.log();
    let frontier = at_end(model("posix-min"), Image::default(), &log);
    let pending = frontier.pending().len();
    let look = |budget: Budget, most: u64| {
        let mut draws = Seed(0).draws(Domain::CrashImages, 0);
        let mut left = most;
        explore(&frontier, budget, &mut draws, &mut |_, _| {
            left -= 1;
            match left {
                0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })
    };
    let mut whole = look(Budget::ALL, u64::MAX);
    assert_eq!((whole.enumerated_points, whole.max_pending), (1, 0));
    let stopped = look(Budget::ALL, 2);
    assert_eq!((stopped.enumerated_points, stopped.stopped_points), (0, 1));
    assert_eq!(stopped.max_pending, 0);
    whole.add(stopped);
    let text = whole.to_string();
    assert!(
        text.ends_with("1 of them enumerated, 1 stopped early"),
        "{text}"
    );
    let sampled = look(
        Budget {
            enumerate: 2,
            bound: 1,
            samples: 3,
        },
        u64::MAX,
    );
    assert_eq!((sampled.enumerated_points, sampled.stopped_points), (0, 0));
    assert_eq!(sampled.max_pending, pending);
    whole.add(sampled);
    let text = whole.to_string();
    let end = format!("1 stopped early, the largest sampled out of up to 2^{pending}");
    assert!(text.ends_with(&end), "{text}");
}

/// The digests of the images that enumeration finds.
fn explored(frontier: &Frontier<'_>, digests: &mut BTreeSet<u128>) -> Coverage {
    let mut draws = Seed(0).draws(Domain::CrashImages, 0);
    let mut visit = |_, image: Image| {
        digests.insert(image.digest());
        ControlFlow::Continue(())
    };
    explore_sources(frontier, Budget::ALL, Sources::All, &mut draws, &mut visit)
}

/// The same digests, found by trying every set of pending changes with each fill.
fn tried(frontier: &Frontier<'_>, fills: &[Fill]) -> BTreeSet<u128> {
    let changes = frontier.pending();
    let required: Vec<Vec<usize>> = (0..changes.len())
        .map(|index| frontier.keeping(&[index]).ones().collect())
        .collect();
    let ways = match frontier.model().drops_all {
        true => 1,
        false => 1_u32 << changes.len(),
    };
    let mut digests = BTreeSet::new();
    for set in 0..ways {
        let is_kept = |index: usize| set >> index & 1 == 1;
        let is_legal = (0..changes.len())
            .all(|index| !is_kept(index) || required[index].iter().all(|&other| is_kept(other)));
        if is_legal {
            let images = fills.iter().map(|fill| frontier.image(is_kept, fill));
            digests.extend(images.map(|image| image.digest()));
        }
    }
    digests
}

/// A dozen calls on three files, with occasional barriers, on a disk that began with
/// `start`.
fn some_calls(start: &Image, draws: &mut Draws) -> SimFs {
    const NAMES: [&str; 3] = ["f", "g", "h"];
    let fs = SimFs::from_image(start);
    for _ in 0..12 {
        let name = NAMES[draws.below(3) as usize];
        let Ok(file) = fs.open(name, Access::Write) else {
            create(&fs, name, &[b'a'; 60][..draws.below(60) as usize]);
            continue;
        };
        let offset = draws.below(3) * 300 + draws.below(100);
        let done = match draws.below(10) {
            0..5 => {
                let bytes = &[b'w'; 200][..draws.below(200) as usize];
                file.write_at(offset, bytes).map(|_| ())
            }
            5 => file.set_len(offset),
            6 => fs.rename(name, NAMES[draws.below(3) as usize]),
            7 => fs.remove(name),
            8 => file.sync(),
            _ => fs.sync_dir(""),
        };
        done.expect("nothing fails here");
    }
    fs
}

/// No legal image of a small history is missing, and no chosen image is illegal. Crash
/// points also have the images of the places before them. This is only checked with
/// zeros: an image has one fill, and the fill also replaces holes that a lost write
/// after that place covers.
#[test]
fn enumeration_finds_exactly_the_legal_images() {
    const MAX_PENDING: usize = 8;
    let mut places = 0;
    for seed in 0..40 {
        let other = SimFs::new();
        create(&other, "f", &[b'x'; 250]);
        // Half of the disks were used by another store before.
        let start = match seed % 2 {
            0 => Image::used_before(&other.log()),
            _ => Image::default(),
        };
        let fs = some_calls(&start, &mut Seed(seed).draws(Domain::Recovery, 0));
        let log = fs.log();
        for model in MODELS {
            let mut frontier = Frontier::new(model, start.clone(), &log);
            let mut since_point = BTreeSet::new();
            loop {
                if frontier.pending().len() <= MAX_PENDING {
                    let place = format!("seed {seed}, {}, {}", model.name, frontier.position());
                    let mut found = BTreeSet::new();
                    explored(&frontier, &mut found);
                    let legal = tried(&frontier, &frontier.fills());
                    assert!(
                        found == legal,
                        "{place}: {} of {}",
                        found.len(),
                        legal.len()
                    );
                    since_point.append(&mut tried(&frontier, &[Fill::Zero]));
                    let is_missed = frontier.is_crash_point() && !since_point.is_subset(&found);
                    assert!(!is_missed, "{place}: images of places before it");
                    places += 1;
                }
                if frontier.is_crash_point() {
                    since_point.clear();
                }
                if frontier.next().is_none() {
                    break;
                }
                frontier.advance();
            }
        }
    }
    assert!(places > 4000, "only {places} places");
}
