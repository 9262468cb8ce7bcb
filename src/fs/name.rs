//! The rules for names, the same on every file system.
//!
//! A name is one or more components separated by `/`. A component is not empty,
//! is not `.` or `..`, holds no NUL, and is at most [`MAX_COMPONENT_BYTES`] long,
//! so a valid name cannot leave the root and means the same file everywhere.
//! The root directory itself is `""`, which is no valid file name.
//!
//! This module checks the text alone: the file system decides whether a file of that name exists,
//! and how long a whole path may be.

use std::io;

/// The longest component in bytes; Linux file systems allow no more.
pub const MAX_COMPONENT_BYTES: usize = 255;

/// Checks the name of a file.
///
/// # Errors
/// `InvalidInput` when the name breaks a rule of this module.
pub fn check_file(name: &str) -> io::Result<()> {
    match name.split('/').find_map(fault_of) {
        None => Ok(()),
        Some(fault) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the name {name:?} has {fault}; nothing was done"),
        )),
    }
}

/// Checks the name of a directory: as [`check_file`], and `""` is allowed.
///
/// # Errors
/// As [`check_file`].
pub fn check_dir(name: &str) -> io::Result<()> {
    if name.is_empty() {
        Ok(())
    } else {
        check_file(name)
    }
}

/// Splits a valid file name into its directory (`""` for the root) and its last component.
#[must_use]
pub fn split(name: &str) -> (&str, &str) {
    match name.bytes().rposition(|byte| byte == b'/') {
        Some(slash) => (&name[..slash], &name[slash + 1..]),
        None => ("", name),
    }
}

/// The fault of one component, if it has one.
fn fault_of(component: &str) -> Option<&'static str> {
    match component {
        "" => Some("an empty component"),
        "." | ".." => Some("a component that is not a name of its own"),
        _ if component.contains('\0') => Some("a NUL character"),
        _ if component.len() > MAX_COMPONENT_BYTES => Some("a component of more than 255 bytes"),
        _ => None,
    }
}
