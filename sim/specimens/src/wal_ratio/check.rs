//! Checks the files of a closed store, with code that the store does not use.
//!
//! The check was written from the description of the format: it has its own CRC, its own
//! parser of names and lengths, and reads every byte of the newest log. It demands more
//! than recovery does: no torn tail, the keys of the base in order, no pair after the
//! base, and a base that is complete.

use lithify::fs::whole::read_exact_at;
use lithify::fs::{Access, Fs};
use lithify_sim::system::Failure;

use crate::parts::identity::Identity;
use crate::parts::walk;

pub(super) fn check(fs: &dyn Fs) -> Result<(), Failure> {
    let names = fs.list("").map_err(disk)?;
    let numbered = names.iter().filter_map(|name| {
        let digits = name.strip_prefix("wal-")?.strip_suffix(".log")?;
        let number: u64 = digits.parse().ok()?;
        (format!("{number:08}") == digits).then_some((number, name))
    });
    let Some((generation, name)) = numbered.max() else {
        return damage("no log is there".to_owned());
    };
    let file = fs.open(name, Access::Read).map_err(disk)?;
    let mut bytes = vec![0; file.len().map_err(disk)? as usize];
    read_exact_at(&*file, 0, &mut bytes).map_err(disk)?;
    check_log(generation, &bytes).or_else(|fault| damage(format!("{name} {fault}")))
}

fn damage<T>(message: String) -> Result<T, Failure> {
    Err(Failure::Damage(message))
}

fn disk(error: std::io::Error) -> Failure {
    Failure::Disk(format!("cannot check the store: {error}"))
}

/// Reads a log from its first byte to its last.
fn check_log(generation: u64, bytes: &[u8]) -> Result<(), String> {
    let (mut position, mut entries) = (0, 0);
    let (mut pairs, mut salt) = (0, generation);
    let mut last_key: Option<&[u8]> = None;
    while position < bytes.len() {
        let payload = walk::payload(salt, bytes, position)?;
        let fault = |what: &str| Err(format!("has {what} at byte {position}"));
        match (payload.first(), entries) {
            (Some(3), 0) if payload.len() == 33 => {
                let number = |at: usize| {
                    u64::from_le_bytes(payload[at..at + 8].try_into().expect("eight bytes"))
                };
                pairs = number(9);
                let (store, file) = (number(17), number(25));
                salt = Identity { store, file }.salt(generation);
            }
            (Some(1), 1..) if entries <= pairs => {
                let key = key(payload).ok_or(format!("has a short pair at byte {position}"))?;
                if last_key.is_some_and(|last| last >= key) {
                    return fault("a key out of order");
                }
                last_key = Some(key);
            }
            (Some(2), 1..) if entries > pairs => {}
            _ => return fault("a record out of place"),
        }
        position += 8 + payload.len();
        entries += 1;
    }
    if entries <= pairs {
        return Err(format!(
            "has {entries} entries, and {pairs} pairs are claimed"
        ));
    }
    Ok(())
}

/// The key of a pair.
fn key(payload: &[u8]) -> Option<&[u8]> {
    let length = u32::from_le_bytes(payload.get(2..6)?.try_into().ok()?) as usize;
    payload.get(6..6 + length)
}
