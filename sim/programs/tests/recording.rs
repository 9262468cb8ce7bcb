//! The file of a recording: what is written is read, and what was cut, changed, or made by something
//! else is refused with one line.

use std::fs;
use std::path::Path;

use lithify_programs::Recording;
use lithify_programs::blobs::Blobs;
use lithify_programs::failure::Matter;
use lithify_programs::gaps::{Gap, Kind};
use lithify_programs::recording::{Header, check_place};
use lithify_programs::steps::{Disk, Entry, Step};
use proptest::prelude::*;

fn at(directory: u32, name: &str) -> Entry {
    Entry {
        directory,
        name: name.to_owned(),
    }
}

/// A recording with a step of each kind.
fn recording() -> Recording {
    let mut blobs = Blobs::default();
    let (old, new) = (blobs.keep(b"old".to_vec()), blobs.keep(vec![0, 255]));
    let steps = vec![
        Step::HadDirectory { at: at(0, "d") },
        Step::HadFile {
            at: at(1, "f"),
            bytes: old,
        },
        Step::HadSymlink {
            at: at(0, "s"),
            target: "d/f".to_owned(),
        },
        Step::HadLink {
            file: 2,
            at: at(0, "g"),
        },
        Step::Create { at: at(1, "\\xff") },
        Step::CreateNameless,
        Step::Write {
            file: 5,
            offset: 7,
            bytes: new,
        },
        Step::Link {
            file: 5,
            at: at(0, "n"),
        },
        Step::MakeDirectory { at: at(0, "e") },
        Step::MakeSymlink {
            at: at(6, "l"),
            target: "..".to_owned(),
        },
        Step::SetLength { file: 2, length: 1 },
        Step::FailedSync {
            file: 2,
            data_only: true,
            entered: 3,
        },
        Step::Output { bytes: old },
        Step::Rename {
            from: at(0, "n"),
            to: at(6, "n"),
        },
        Step::Remove { at: at(0, "s") },
        Step::Sync {
            file: 2,
            data_only: true,
            entered: 3,
        },
        Step::SyncAll { entered: 9 },
    ];
    let mut disk = Disk::default();
    for step in &steps {
        disk.take(step, &blobs).expect("it fits");
    }
    let header = Header {
        program: vec!["x".to_owned()],
        directory: "/d".to_owned(),
        place: "/home".to_owned(),
        has_marker: false,
        injected: Vec::new(),
        end: "exit code 0".to_owned(),
        strace: "6.1".to_owned(),
        calls: 12,
        gaps: vec![Gap::new(Kind::Mmap, "f: stores".to_owned())],
        written_outside: vec!["/x".to_owned()],
    };
    Recording {
        header,
        steps,
        blobs,
        disk,
    }
}

fn refused(path: &Path) -> String {
    match Recording::read(path) {
        Ok(_) => panic!("{} was read", path.display()),
        Err(failure) => {
            assert_eq!(failure.matter, Matter::Input, "{failure:?}");
            assert!(!failure.message.contains('\n'));
            failure.message.replace(&*path.to_string_lossy(), "FILE")
        }
    }
}

#[test]
fn what_is_written_is_read() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("run.rec");
    let written = recording();
    written.write(&path).expect("it can be written");
    let read = Recording::read(&path).expect("it can be read");
    assert_eq!(
        (&read.header, &read.steps),
        (&written.header, &written.steps)
    );
    let shown = |recording: &Recording| {
        let tree = recording.disk.tree();
        tree.show(&tree.live())
    };
    assert_eq!(shown(&read), shown(&written));
    assert_eq!(read.disk.output(1), b"old");
}

#[test]
fn what_was_cut_or_changed_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("run.rec");
    recording().write(&path).expect("it can be written");
    let whole = fs::read(&path).expect("it is there");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).expect("there is room");
        refused(&path);
    }
    for (place, bit) in (0..whole.len()).flat_map(|place| [(place, 1), (place, 128)]) {
        let mut changed = whole.clone();
        changed[place] ^= bit;
        fs::write(&path, &changed).expect("there is room");
        // The frame's header has bits without meaning; then the same is read.
        if let Ok(read) = Recording::read(&path) {
            assert_eq!(read.steps, recording().steps, "byte {place}");
        }
    }
}

#[test]
fn what_is_none_is_refused_with_a_line() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("run.rec");
    let begin = b"lithify-recording 1\n".to_vec();
    let packed = |text: &str| {
        let packed = zstd::encode_all(text.as_bytes(), 1).expect("memory");
        [&begin[..], &packed].concat()
    };
    let header = serde_json::to_string(&recording().header).expect("it is JSON");
    let mut said = String::new();
    for bytes in [
        b"".to_vec(),
        b"SQLite format 3\0".to_vec(),
        b"lithify-recording 2\n".to_vec(),
        begin.clone(),
        packed(""),
        packed("{}\n"),
        packed(&format!("{header}\n")),
        packed(&format!("{header}\n{{\"end\":3}}\n")),
        packed(&format!("{header}\n{{\"end\":0}}\n{{\"end\":0}}\n")),
        packed(&format!(
            "{header}\n{{\"remove\":{{\"at\":{{\"in\":0,\"name\":\"f\"}}}}}}\n"
        )),
        packed(&format!(
            "{header}\n{{\"blob\":\"00000000000000000000000000000001\",\"base64\":\"YQ==\"}}\n"
        )),
    ] {
        fs::write(&path, &bytes).expect("there is room");
        said += &format!("{}\n", refused(&path));
    }
    insta::assert_snapshot!(said);
}

fn step() -> impl Strategy<Value = Step> {
    let file = 0..6_u32;
    let name = prop_oneof![Just("a"), Just("b"), Just(""), Just(".."), Just("a/b")];
    let entry = (file.clone(), name).prop_map(|(directory, name)| at(directory, name));
    let bytes = Blobs::default().keep(b"x".to_vec());
    prop_oneof![
        entry
            .clone()
            .prop_map(move |at| Step::HadFile { at, bytes }),
        entry.clone().prop_map(|at| Step::HadDirectory { at }),
        (file.clone(), entry.clone()).prop_map(|(file, at)| Step::HadLink { file, at }),
        entry.clone().prop_map(|at| Step::Create { at }),
        entry.clone().prop_map(|at| Step::MakeDirectory { at }),
        (file.clone(), entry.clone()).prop_map(|(file, at)| Step::Link { file, at }),
        (file.clone(), prop_oneof![0..9_u64, Just(u64::MAX)]).prop_map(move |(file, offset)| {
            Step::Write {
                file,
                offset,
                bytes,
            }
        }),
        (file.clone(), prop_oneof![0..9_u64, Just(u64::MAX)])
            .prop_map(|(file, length)| Step::SetLength { file, length }),
        (entry.clone(), entry.clone()).prop_map(|(from, to)| Step::Rename { from, to }),
        entry.prop_map(|at| Step::Remove { at }),
        (file, any::<bool>(), 0..9_usize).prop_map(|(file, data_only, entered)| Step::Sync {
            file,
            data_only,
            entered,
        }),
        (0..9_usize).prop_map(|entered| Step::SyncAll { entered }),
    ]
}

proptest! {
    /// No recording makes the disk panic, whoever made it.
    #[test]
    fn steps_that_do_not_fit_are_refused(steps in prop::collection::vec(step(), 0..40)) {
        let mut blobs = Blobs::default();
        blobs.keep(b"x".to_vec());
        let mut disk = Disk::default();
        for step in &steps {
            let _ = disk.take(step, &blobs);
        }
        let tree = disk.tree();
        let _ = tree.show(&tree.live());
    }
}

/// What was there stays until the new file is whole, and a link to it stays a link.
#[test]
fn what_was_there_is_replaced_at_once() {
    let place = tempfile::tempdir().expect("a directory");
    let path = |name: &str| place.path().join(name);
    fs::write(path("old"), "old").expect("there is room");
    std::os::unix::fs::symlink("old", path("link")).expect("there is room");
    recording().write(&path("link")).expect("it can be written");
    assert!(path("link").is_symlink());
    Recording::read(&path("old")).expect("it is the new one");
    let names = fs::read_dir(place.path()).expect("it is there").count();
    assert_eq!(names, 2);
}

#[test]
fn where_nothing_can_be_written_is_known_before() {
    let place = tempfile::tempdir().expect("a directory");
    fs::create_dir(place.path().join("d")).expect("there is room");
    for (path, why) in [
        ("d", "is there, and is no file"),
        ("no/run.rec", "entity not found"),
        ("new/", "is no name of a file"),
        ("d/..", "is no name of a file"),
        ("/dev/null", "is there, and is no file"),
    ] {
        let failure = check_place(&place.path().join(path)).expect_err(path);
        assert!(failure.message.ends_with(why), "{}", failure.message);
        recording().write(&place.path().join(path)).expect_err(path);
    }
    check_place(&place.path().join("run.rec")).expect("there is room");
    let names = fs::read_dir(place.path()).expect("it is there").count();
    assert_eq!(names, 1);
}
