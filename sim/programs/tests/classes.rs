//! Classes against brute force: each image must have the verdict of its class, and no image may be in
//! no part, or in two.
//!
//! First with checkers that are made up, on recordings that are made up, so that thousands of them can
//! be tried. Then with programs that look at images in each way that there is, under `strace`; and each of
//! these ways is taken away once, which the same comparison must notice.

mod hand;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use hand::{at, recording, sync};
use lithify_programs::Recording;
use lithify_programs::checker::{Checker, Judge, Verdict, Wrong};
use lithify_programs::classes::{Asked, Asking, Judged, judge_all};
use lithify_programs::crash::{Options, Verdicts};
use lithify_programs::cubes::Point;
use lithify_programs::failure::Failure;
use lithify_programs::losses::{Crashes, Key, Shown};
use lithify_programs::questions::{Answering, Question, Questions};
use lithify_programs::reads::CALLS;
use lithify_programs::steps::{Disk, Step};
use lithify_sim::disk::model::MODELS;
use lithify_sim::disk::{Budget, Model};
use lithify_sim::stop::Stop;
use proptest::prelude::*;

/// Recordings with more images are left out.
const MAX_IMAGES: usize = 4000;

fn options(model: &'static Model) -> Options {
    Options {
        models: vec![model],
        budget: Budget::ALL,
        jobs: 1,
        by_class: false,
        stop: Stop::never(),
    }
}

/// What differs between classes and brute force; `None` when there are too many images.
fn difference(
    recording: &Recording,
    model: &'static Model,
    asking: &dyn Asking,
    truth: &mut BTreeMap<Key, Verdict>,
    judge: &dyn Fn(Key, &Shown) -> Verdict,
) -> Option<String> {
    let disk = &recording.disk;
    let crashes = Crashes::of(disk);
    let mut images = Vec::new();
    crashes.visit(
        model,
        Budget::ALL,
        &Stop::never(),
        &mut |loss, key, shown| {
            images.push((loss, key, shown));
            match images.len() > MAX_IMAGES {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        },
    );
    if images.len() > MAX_IMAGES {
        return None;
    }
    let judged = judge_all(disk, asking, &options(model), &mut Verdicts::new());
    let (judged, _) = judged.expect("it can be judged");
    let parts: Vec<&Judged> = judged.iter().flat_map(|point| &point.judged).collect();
    for (loss, key, shown) in images {
        let verdict = truth.entry(key).or_insert_with(|| judge(key, &shown));
        let is_it = |judged: &&&Judged| match &judged.part {
            Some(part) => {
                let is_same = judged.loss.position == loss.position && part.fill == loss.fill;
                is_same && part.contains(&loss.kept)
            }
            None => judged.loss.position == loss.position && judged.key == key,
        };
        let of: Vec<&&Judged> = parts.iter().filter(is_it).collect();
        match of[..] {
            [one] if one.verdict == *verdict => {}
            [one] => return Some(format!("{loss:?}: {:?} by class, {verdict:?}", one.verdict)),
            _ => return Some(format!("{loss:?}: in {} parts", of.len())),
        }
    }
    Some(String::new())
}

/// A checker that is a number: what it asks next follows from what it has heard.
struct MadeUp {
    seed: u64,
    /// Questions of one kind are not noted.
    forgets: Option<u64>,
}

const PATHS: [&str; 8] = ["", "a", "b", "d", "d/a", "d/b", "e", "e/a"];

impl Asking for MadeUp {
    fn ask(&self, _: usize, _: &Disk, key: Key, shown: &Shown) -> Result<Option<Asked>, Failure> {
        let mut state = xxhash_rust::xxh3::xxh3_64(&self.seed.to_le_bytes()) ^ key.outputs;
        let mut noted: Vec<Question> = Vec::new();
        let image = Answering::new(shown);
        for _ in 0..3 + state % 3 {
            let path = PATHS[(state >> 8) as usize % PATHS.len()].to_owned();
            let kind = state % 5;
            // A path has to be looked up before more is asked of it.
            let mut asked: Vec<Question> = Vec::new();
            for (place, _) in path.match_indices('/').chain([(path.len(), "")]) {
                asked.push(Question::Entry(path[..place].to_owned()));
            }
            asked.retain(|question| *question != Question::Entry(String::new()));
            let is_directory =
                path.is_empty() || shown.get(&path) == Some(&lithify_sim::disk::Place::Directory);
            let is_there = path.is_empty() || shown.contains_key(&path);
            let more = match kind {
                1 if is_directory => Some(Question::Listing(path)),
                2 if is_there => Some(Question::Status(path)),
                3 | 4 if is_there && !is_directory => {
                    let start = (state >> 20) % 1200;
                    let end = start + 1 + (state >> 40) % 700;
                    Some(Question::Bytes { path, start, end })
                }
                _ => None,
            };
            asked.extend(more);
            let heard = asked.iter().fold(0, |heard: u64, question| {
                heard.rotate_left(9) ^ image.answer(question) as u64
            });
            if self.forgets != Some(kind) {
                noted.extend(asked);
            }
            state = xxhash_rust::xxh3::xxh3_64(&(state ^ heard).to_le_bytes());
        }
        let verdict = match state % 3 {
            0 => Verdict::Bad(Wrong::Inconsistent, String::new()),
            _ => Verdict::Good,
        };
        let questions = Ok(Questions::of(noted));
        Ok(Some(Asked { verdict, questions }))
    }
}

fn made_up_difference(
    recording: &Recording,
    model: &'static Model,
    asking: &MadeUp,
) -> Option<String> {
    let judge = |key, shown: &Shown| {
        let asked = asking.ask(0, &recording.disk, key, shown);
        asked.expect("it judges").expect("in time").verdict
    };
    difference(recording, model, asking, &mut BTreeMap::new(), &judge)
}

/// Steps that fit, out of any numbers: what does not fit is left out.
fn made_up(numbers: &[(u8, u8, u8)]) -> Recording {
    recording(|blobs| {
        let (old, log) = (blobs.keep(vec![b'o'; 600]), blobs.keep(b"ok".to_vec()));
        let mut steps = vec![
            Step::HadDirectory { at: at(0, "d") },
            Step::HadFile {
                at: at(1, "a"),
                bytes: old,
            },
        ];
        let mut disk = Disk::default();
        for step in &steps {
            disk.take(step, blobs).expect("it fits");
        }
        for (number, &(kind, one, other)) in numbers.iter().enumerate() {
            let entry = |number: u8| {
                at(
                    u32::from(number >> 4) % 4,
                    ["a", "b", "d", "e"][number as usize % 4],
                )
            };
            let bytes = blobs.keep(vec![b'0' + number as u8; 200 + usize::from(other) % 500]);
            let file = u32::from(one) % 6;
            let step = match kind % 9 {
                0 => Step::Create { at: entry(one) },
                1 => Step::MakeDirectory { at: entry(one) },
                2 | 3 => Step::Write {
                    file,
                    offset: u64::from(other) % 4 * 256,
                    bytes,
                },
                4 => Step::SetLength {
                    file,
                    length: u64::from(other) * 5,
                },
                5 => Step::Rename {
                    from: entry(one),
                    to: entry(other),
                },
                6 => Step::Remove { at: entry(one) },
                7 => Step::Link {
                    file,
                    at: entry(other),
                },
                _ if other % 2 == 0 => sync(file, disk.length()),
                _ => Step::Output { bytes: log },
            };
            if disk.take(&step, blobs).is_ok() {
                steps.push(step);
            }
        }
        steps
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Every image has the verdict of its class, whatever is recorded and whoever judges.
    #[test]
    fn classes_lose_nothing(
        numbers in prop::collection::vec(any::<(u8, u8, u8)>(), 1..9),
        seed in any::<u64>(),
    ) {
        let recording = made_up(&numbers);
        let asking = MadeUp { seed, forgets: None };
        for model in MODELS {
            let found = made_up_difference(&recording, model, &asking).unwrap_or_default();
            prop_assert_eq!(found, "", "{}", model.name);
        }
    }

    /// What is counted is what there is.
    #[test]
    fn sets_are_counted(numbers in prop::collection::vec(any::<(u8, u8, u8)>(), 1..9)) {
        let recording = made_up(&numbers);
        let end = recording.disk.log().operations().len();
        for model in MODELS.iter().filter(|model| !model.drops_all) {
            let crashes = Crashes::of(&recording.disk);
            let point = Point::new(crashes, crashes.frontier(model, end));
            let required = point.frontier().required();
            if required.len() > 14 {
                continue;
            }
            let is_allowed = |set: &u32| {
                let has = |index: usize| set >> index & 1 == 1;
                (0..required.len()).all(|index| !has(index) || required[index].ones().all(has))
            };
            let sets = (0..1_u32 << required.len()).filter(is_allowed).count();
            prop_assert_eq!(point.count(&point.whole()[0]), Some(sets as f64), "{}", model.name);
        }
    }
}

/// The comparison notices a kind of question that is not noted.
#[test]
fn a_question_that_is_forgotten_is_noticed() {
    for kind in 0..5 {
        let is_noticed = (0..4000_u64).any(|seed| {
            let hash = |place: u64| xxhash_rust::xxh3::xxh3_64(&(seed * 100 + place).to_le_bytes());
            let numbers: Vec<(u8, u8, u8)> = (0..6)
                .map(|place| {
                    let hash = hash(place).to_le_bytes();
                    (hash[0], hash[1], hash[2])
                })
                .collect();
            let asking = MadeUp {
                seed,
                forgets: Some(kind),
            };
            let found = made_up_difference(&made_up(&numbers), Model::DEFAULT, &asking);
            found.is_some_and(|found| !found.is_empty())
        });
        assert!(is_noticed, "kind {kind}");
    }
}

/// The calls that the programs here use.
const USED: &str = "open openat read pread64 close newfstatat stat lstat fstat statx access faccessat \
    faccessat2 readlink readlinkat getdents64 lseek mmap execve dup dup2 fcntl ioctl chdir rename \
    renameat renameat2 unlink unlinkat rmdir mkdir write clone clone3 vfork fork getcwd statfs";

/// A program that is traced, or whose tracing has a hole.
struct Traced {
    checker: Checker,
    calls: String,
}

impl Traced {
    fn new(command: &str, without: &[&str]) -> Self {
        let judge = Judge::Command(command.to_owned());
        let calls = match without {
            [] => CALLS.to_owned(),
            without => {
                let seen = USED
                    .split_whitespace()
                    .filter(|call| !without.contains(call));
                seen.map(|call| format!("?{call}"))
                    .collect::<Vec<_>>()
                    .join(",")
            }
        };
        Self {
            checker: Checker::new(judge, Duration::from_secs(30), None).expect("a directory"),
            calls,
        }
    }
}

impl Asking for Traced {
    fn ask(
        &self,
        worker: usize,
        disk: &Disk,
        key: Key,
        shown: &Shown,
    ) -> Result<Option<Asked>, Failure> {
        let stop = Stop::never();
        self.checker
            .judge_noting(worker, disk, key, shown, &self.calls, &stop)
    }
}

fn can_trace() -> bool {
    let recording = recording(|_| vec![Step::Create { at: at(0, "f") }]);
    let (key, shown) = Crashes::of(&recording.disk).killed(0);
    let asked = Traced::new("true", &[]).ask(0, &recording.disk, key, &shown);
    let why = match asked {
        Ok(Some(Asked {
            questions: Ok(_), ..
        })) => return true,
        Ok(asked) => format!("{asked:?}"),
        Err(failure) => failure.message,
    };
    eprintln!("skipped: {why}");
    false
}

/// A directory, a file in it, a link to that, a file that is written, cut and renamed, and one that is removed.
fn of_all_kinds() -> Recording {
    recording(|blobs| {
        let (old, new) = (blobs.keep(vec![b'o'; 600]), blobs.keep(vec![b'n'; 300]));
        vec![
            Step::HadFile {
                at: at(0, "old"),
                bytes: old,
            },
            Step::MakeDirectory { at: at(0, "d") },
            Step::Create { at: at(2, "f") },
            Step::Write {
                file: 3,
                offset: 0,
                bytes: new,
            },
            Step::MakeSymlink {
                at: at(0, "s"),
                target: "d/f".to_owned(),
            },
            Step::Rename {
                from: at(2, "f"),
                to: at(2, "g"),
            },
            Step::Link {
                file: 3,
                at: at(0, "l"),
            },
            Step::Remove { at: at(0, "old") },
        ]
    })
}

/// Programs that look in one way only, and the calls that show it.
const LOOKS: &[(&str, &[&str])] = &[
    // Names that are not there.
    (
        "look() { [ -e \"$1/old\" ] || exit 2; }; look",
        &["newfstatat", "faccessat", "faccessat2", "access", "stat"],
    ),
    (
        "look() { ls -1 \"$1\" | grep -q old || exit 2; }; look",
        &["getdents64", "newfstatat", "statx", "openat"],
    ),
    (
        "look() { cat \"$1/d/g\" 2>/dev/null | grep -q nnn && exit 2; exit 0; }; look",
        &["openat", "read", "mmap"],
    ),
    (
        "look() { [ \"$(stat -c %s \"$1/old\" 2>/dev/null)\" = 600 ] || exit 2; }; look",
        &["newfstatat", "statx", "stat"],
    ),
    (
        "look() { [ \"$(stat -c %h \"$1/l\" 2>/dev/null)\" = 2 ] && exit 2; exit 0; }; look",
        &["newfstatat", "statx", "stat"],
    ),
    (
        "look() { [ \"$(readlink \"$1/s\")\" = d/f ] || exit 2; }; look",
        &["readlink", "readlinkat"],
    ),
    (
        "look() { cd \"$1\" && mv l was && tail -c 300 was | grep -q n || exit 2; }; look",
        &[
            "openat",
            "newfstatat",
            "rename",
            "renameat2",
            "renameat",
            "statx",
            "lseek",
            "read",
        ],
    ),
    (
        "look() { cd \"$1/d\" && cat ../../image/old >/dev/null || exit 2; }; look",
        &["openat", "chdir", "read"],
    ),
    (
        "look() { rmdir \"$1/d\" || exit 2; }; look",
        &["rmdir", "unlinkat"],
    ),
];

#[test]
fn what_a_program_looks_at_is_seen() {
    if !can_trace() {
        return;
    }
    let recording = of_all_kinds();
    for (command, calls) in LOOKS {
        let traced = Traced::new(command, &[]);
        let stop = Stop::never();
        let judge = |key, shown: &Shown| {
            let judged = traced.checker.judge(0, &recording.disk, key, shown, &stop);
            judged.expect("it judges").expect("in time")
        };
        let mut truth = BTreeMap::new();
        let mut compare =
            |asking: &Traced| difference(&recording, Model::DEFAULT, asking, &mut truth, &judge);
        assert_eq!(compare(&traced).as_deref(), Some(""), "{command}");
        // The same with a hole in what is seen.
        let blind = compare(&Traced::new(command, calls));
        assert_ne!(blind.as_deref(), Some(""), "{command} without {calls:?}");
        let judged = judge_all(
            &recording.disk,
            &traced,
            &options(Model::DEFAULT),
            &mut Verdicts::new(),
        );
        let (judged, _) = judged.expect("it can be judged");
        for point in &judged {
            assert_eq!(point.pruned.unseen, None, "{command}");
        }
        let good = truth.values().filter(|verdict| **verdict == Verdict::Good);
        assert!((1..truth.len()).contains(&good.count()), "{command}");
    }
}
